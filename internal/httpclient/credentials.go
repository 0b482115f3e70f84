package httpclient

import (
	"context"
	"hash/fnv"
	"io"
	"maps"
	"slices"

	promconfig "github.com/prometheus/common/config"
)

// credentials returns a fingerprint of all secret files as they are now, never
// 0, or the error of the first that can't be used. A file that is being replaced
// must neither hang a refresh nor be sent as an empty password.
func (c *Client) credentials() (uint64, error) {
	h := fnv.New64a()
	for _, f := range c.secretFiles() {
		text, err := f.Fetch(context.Background())
		if err != nil {
			return 0, err
		}
		io.WriteString(h, text)
		h.Write([]byte{0})
	}
	return max(h.Sum64(), 1), nil
}

// secretFiles are all but those of certificates.
func (c *Client) secretFiles() []promconfig.SecretReader {
	var files []promconfig.SecretReader
	lines := func(names ...string) {
		for _, f := range names {
			if f != "" {
				files = append(files, secretLine(f))
			}
		}
	}
	keys := func(names ...string) {
		for _, f := range names {
			if f != "" {
				files = append(files, pemFile(f))
			}
		}
	}
	keys(c.cfg.SecretFiles...) // or a line: Sign looks closer
	h := c.cfg.HTTP
	keys(h.TLSConfig.KeyFile)
	if b := h.BasicAuth; b != nil {
		lines(b.UsernameFile, b.PasswordFile)
	}
	if o := h.OAuth2; o != nil {
		lines(o.ClientSecretFile)
		keys(o.ClientCertificateKeyFile, o.TLSConfig.KeyFile)
	}
	if a := h.Authorization; a != nil {
		lines(a.CredentialsFile)
	}
	lines(h.BearerTokenFile)
	if hs := h.HTTPHeaders; hs != nil {
		for _, name := range slices.Sorted(maps.Keys(hs.Headers)) {
			lines(hs.Headers[name].Files...)
		}
	}
	return files
}
