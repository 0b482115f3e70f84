package httpclient

import (
	"bytes"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"slices"
	"unicode"
)

// credentials returns a fingerprint of all secret files as they are now, never
// 0. An unusable file has one of its own; the error is that of the first.
func (c *Client) credentials() (uint64, error) {
	h := fnv.New64a()
	var unusable error
	read := func(f string, inHeader bool) {
		b, err := readSecret(f)
		if err == nil && inHeader && bytes.ContainsFunc(bytes.TrimSpace(b), unicode.IsControl) {
			err = &fs.PathError{Op: "use", Path: f, Err: errors.New("holds more than one line, or a character that can't be in a header")}
		}
		if err != nil {
			h.Write([]byte(err.Error()))
			if unusable == nil {
				unusable = err
			}
		}
		h.Write(b)
		h.Write([]byte{0})
	}
	for _, f := range c.secretFiles() {
		read(f, false)
	}
	for _, f := range c.headerFiles() {
		read(f, true)
	}
	return max(h.Sum64(), 1), unusable
}

// maxSecret bounds a secret file; an RSA key has a few KiB.
const maxSecret = 1 << 20

// readSecret reads a secret, and nothing that could block or is blank: a file
// that is being replaced must neither hang a scrape nor be sent as an empty
// password.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	bad := func(why string) ([]byte, error) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New(why)}
	}
	if !info.Mode().IsRegular() {
		return bad("is not a regular file")
	}
	if info.Size() > maxSecret {
		return bad("is too large for a secret")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return bad("is empty")
	}
	return b, nil
}

// headerFiles are those whose content stands in a header as it is.
func (c *Client) headerFiles() []string {
	var files []string
	h := c.cfg.HTTP
	if a := h.Authorization; a != nil && a.CredentialsFile != "" {
		files = append(files, a.CredentialsFile)
	}
	if hs := h.HTTPHeaders; hs != nil {
		for _, header := range hs.Headers {
			files = append(files, header.Files...)
		}
	}
	if h.BearerTokenFile != "" {
		files = append(files, h.BearerTokenFile)
	}
	slices.Sort(files) // headers are a map
	return files
}

func (c *Client) secretFiles() []string {
	files := append([]string{}, c.cfg.SecretFiles...)
	h := c.cfg.HTTP
	if b := h.BasicAuth; b != nil {
		files = append(files, b.UsernameFile, b.PasswordFile)
	}
	if o := h.OAuth2; o != nil {
		files = append(files, o.ClientSecretFile, o.ClientCertificateKeyFile, o.TLSConfig.KeyFile)
	}
	files = append(files, h.TLSConfig.KeyFile)
	kept := files[:0]
	for _, f := range files {
		if f != "" {
			kept = append(kept, f)
		}
	}
	return kept
}
