package httpclient

import (
	"hash/fnv"
	"os"
)

// credentials returns a fingerprint of all secret files as they are now, never
// 0. An unreadable file has one of its own; the error is that of the first.
func (c *Client) credentials() (uint64, error) {
	h := fnv.New64a()
	var unreadable error
	for _, f := range c.secretFiles() {
		b, err := os.ReadFile(f)
		if err != nil {
			h.Write([]byte(err.Error()))
			if unreadable == nil {
				unreadable = err
			}
		}
		h.Write(b)
		h.Write([]byte{0})
	}
	return max(h.Sum64(), 1), unreadable
}

func (c *Client) secretFiles() []string {
	files := append([]string{}, c.cfg.SecretFiles...)
	h := c.cfg.HTTP
	if b := h.BasicAuth; b != nil {
		files = append(files, b.UsernameFile, b.PasswordFile)
	}
	if a := h.Authorization; a != nil {
		files = append(files, a.CredentialsFile)
	}
	if o := h.OAuth2; o != nil {
		files = append(files, o.ClientSecretFile, o.ClientCertificateKeyFile, o.TLSConfig.KeyFile)
	}
	if hs := h.HTTPHeaders; hs != nil {
		for _, header := range hs.Headers {
			files = append(files, header.Files...)
		}
	}
	files = append(files, h.BearerTokenFile, h.TLSConfig.KeyFile)
	kept := files[:0]
	for _, f := range files {
		if f != "" {
			kept = append(kept, f)
		}
	}
	return kept
}
