package httpclient

import (
	"context"
	"net/http"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/smallfile"
)

// secretLine is a file that holds a secret in one line.
type secretLine string

func (f secretLine) Fetch(context.Context) (string, error) { return smallfile.Line(string(f)) }
func (f secretLine) Description() string                   { return "file " + string(f) }
func (f secretLine) Immutable() bool                       { return false }

// secret is a text, or what a file holds.
func secret(text, file string) promconfig.SecretReader {
	if file != "" {
		return secretLine(file)
	}
	return promconfig.NewInlineSecret(text)
}

// pemFile is a file that holds certificates or a key.
type pemFile string

func (f pemFile) Fetch(context.Context) (string, error) { return smallfile.PEM(string(f)) }
func (f pemFile) Description() string                   { return "file " + string(f) }
func (f pemFile) Immutable() bool                       { return false }

// pemFiles is a SecretManager whose names are those of files: the way to have
// prometheus/common read certificates through us.
type pemFiles struct{}

func (pemFiles) Fetch(_ context.Context, file string) (string, error) { return smallfile.PEM(file) }

// tlsFiles turns the files of a TLS configuration into references to be read by
// pemFiles, and returns readers of them for what looks for changes.
func tlsFiles(c promconfig.TLSConfig) (promconfig.TLSConfig, promconfig.TLSRoundTripperSettings) {
	var settings promconfig.TLSRoundTripperSettings
	refer := func(file, ref *string, reader *promconfig.SecretReader) {
		if *file != "" {
			*reader = pemFile(*file)
			*ref, *file = *file, ""
		}
	}
	refer(&c.CAFile, &c.CARef, &settings.CA)
	refer(&c.CertFile, &c.CertRef, &settings.Cert)
	refer(&c.KeyFile, &c.KeyRef, &settings.Key)
	return c, settings
}

// headers sets configured headers whose values are in files.
type headers struct {
	files map[string][]string
	next  http.RoundTripper
}

// newHeaders leaves to prometheus/common what needs no file.
func newHeaders(h *promconfig.Headers, next http.RoundTripper) http.RoundTripper {
	plain, files := make(map[string]promconfig.Header), make(map[string][]string)
	for name, v := range h.Headers {
		if len(v.Files) > 0 {
			files[name] = v.Files
		}
		v.Files = nil
		plain[name] = v
	}
	return promconfig.NewHeadersRoundTripper(&promconfig.Headers{Headers: plain}, &headers{files, next})
}

func (h *headers) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, files := range h.files {
		for _, f := range files {
			line, err := smallfile.Line(f)
			if err != nil {
				return nil, err
			}
			req.Header.Add(name, line)
		}
	}
	return h.next.RoundTrip(req)
}

// CloseIdleConnections is what http.Client looks for.
func (h *headers) CloseIdleConnections() {
	if c, ok := h.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
