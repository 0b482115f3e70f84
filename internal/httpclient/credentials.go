package httpclient

import (
	"hash/fnv"
	"os"
)

// credentials returns a fingerprint of all secret files as they are now, never
// 0. An unreadable file has one of its own.
func (c *Client) credentials() uint64 {
	h := fnv.New64a()
	for _, f := range c.secretFiles() {
		b, err := os.ReadFile(f)
		if err != nil {
			h.Write([]byte(err.Error()))
		}
		h.Write(b)
		h.Write([]byte{0})
	}
	return max(h.Sum64(), 1)
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
		files = append(files, o.ClientSecretFile, o.ClientCertificateKeyFile)
	}
	files = append(files, h.TLSConfig.CertFile, h.TLSConfig.KeyFile)
	kept := files[:0]
	for _, f := range files {
		if f != "" {
			kept = append(kept, f)
		}
	}
	return kept
}
