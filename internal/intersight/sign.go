package intersight

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/smallfile"
)

// signedHeaders is the smallest set that Intersight accepts (CiscoDevNet's
// Ansible and PowerShell modules sign the same).
const signedHeaders = "(request-target) host date digest"

// signer signs requests with an API key: draft-cavage-http-signatures, in the
// Authorization header. It is safe for concurrent use.
type signer struct {
	now    func() time.Time
	id     string // or, where empty,
	idFile string

	mu  sync.Mutex // guards key
	key keyFile
}

// newSigner checks the key id and the key; an error names the setting or file.
func newSigner(cfg Config) (*signer, error) {
	s := &signer{now: cfg.Now, id: strings.TrimSpace(cfg.KeyID), idFile: cfg.KeyIDFile, key: keyFile{path: cfg.SecretKeyFile}}
	switch {
	case s.key.path == "":
		return nil, errors.New("api_key: has no secret_key_file")
	case s.id == "" && s.idFile == "":
		return nil, errors.New("api_key: has no id or id_file")
	case s.id != "" && s.idFile != "":
		return nil, errors.New("api_key: has both id and id_file")
	}
	if _, err := s.keyID(); err != nil {
		return nil, err
	}
	_, err := s.loadKey()
	return s, err
}

// files lists the files that sign reads.
func (s *signer) files() []string {
	if s.idFile == "" {
		return []string{s.key.path}
	}
	return []string{s.key.path, s.idFile}
}

func (s *signer) keyID() (string, error) {
	id, from := s.id, "api_key: id"
	if s.idFile != "" {
		line, err := smallfile.Line(s.idFile)
		if err != nil {
			return "", err
		}
		id, from = line, s.idFile
	}
	if id == "" {
		return "", fmt.Errorf("%s: holds no key id", from)
	}
	for _, r := range id {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			return "", fmt.Errorf("%s: is not a key id (three ids joined by slashes)", from)
		}
	}
	return id, nil
}

func (s *signer) loadKey() (*Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key.load()
}

// sign sets Host, Date, Digest and Authorization.
func (s *signer) sign(req *http.Request) error {
	id, err := s.keyID()
	if err != nil {
		return err
	}
	key, err := s.loadKey()
	if err != nil {
		return err
	}
	digest, err := bodyDigest(req)
	if err != nil {
		return err
	}
	req.Host = wireHost(req.URL)
	req.Header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	req.Header.Set("Digest", digest)
	sig, err := key.sign([]byte(signingString(req)))
	if err != nil {
		return fmt.Errorf("%s: can't sign with this key", s.key.path)
	}
	req.Header.Set("Authorization", fmt.Sprintf(`Signature keyId="%s",algorithm="%s",headers="%s",signature="%s"`,
		id, key.algorithm(), signedHeaders, base64.StdEncoding.EncodeToString(sig)))
	return nil
}

// signingString is what the signature covers: the request line's target, byte
// for byte as net/http sends it, and the headers.
func signingString(req *http.Request) string {
	return "(request-target): " + strings.ToLower(req.Method) + " " + req.URL.RequestURI() +
		"\nhost: " + req.Host +
		"\ndate: " + req.Header.Get("Date") +
		"\ndigest: " + req.Header.Get("Digest")
}

// wireHost is the Host header to send. It is set rather than left to net/http so
// that what is signed is what arrives: in lower case, without a default port
// (which gateways drop) or an address's zone (which net/http drops).
func wireHost(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	if zone, end := strings.IndexByte(host, '%'), strings.LastIndexByte(host, ']'); zone >= 0 && zone < end {
		host = host[:zone] + host[end:]
	}
	return strings.TrimSuffix(host, ":")
}

func bodyDigest(req *http.Request) (string, error) {
	h := sha256.New()
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return "", errors.New("a body that can be read once only can't be signed")
		}
		body, err := req.GetBody()
		if err != nil {
			return "", err
		}
		defer body.Close()
		if _, err := io.Copy(h, body); err != nil {
			return "", err
		}
	}
	return "SHA-256=" + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}
