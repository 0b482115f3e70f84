package intersight

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// KeyID is the id of an Intersight API key, as they look.
const KeyID = "59c84e4a16267c0001c23428/5a58c41a3768393836cb10bc/5f1b2c3d7564612d3335a8e1"

// RSAKey is a v2 API key in each form in which it may be kept.
type RSAKey struct {
	Private *rsa.PrivateKey
	PKCS1   []byte // RSA PRIVATE KEY, as Intersight hands it out
	PKCS8   []byte // PRIVATE KEY
}

// NewRSAKey makes a key of 2048 bits.
func NewRSAKey() (*RSAKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return &RSAKey{
		Private: key,
		PKCS1:   encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		PKCS8:   encodePEM("PRIVATE KEY", pkcs8),
	}, nil
}

// ECKey is a v3 API key in each form in which it may be kept.
type ECKey struct {
	Private    *ecdsa.PrivateKey
	SEC1       []byte // EC PRIVATE KEY, and it is one
	PKCS8      []byte // PRIVATE KEY
	Mislabeled []byte // EC PRIVATE KEY around PKCS#8, as Intersight hands it out
}

// NewECKey makes a key on P-256.
func NewECKey() (*ECKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return &ECKey{
		Private:    key,
		SEC1:       encodePEM("EC PRIVATE KEY", sec1),
		PKCS8:      encodePEM("PRIVATE KEY", pkcs8),
		Mislabeled: encodePEM("EC PRIVATE KEY", pkcs8),
	}, nil
}

// OneLine writes a PEM file on one line, each line break as the two characters
// \n, as it comes out of an environment variable.
func OneLine(file []byte) []byte {
	return bytes.ReplaceAll(bytes.TrimSpace(file), []byte("\n"), []byte(`\n`))
}

// Untidy adds blanks before and after each line of a PEM file, empty lines
// around it and Windows line ends, as copying by hand does.
func Untidy(file []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(file), []byte("\n"))
	for n, l := range lines {
		lines[n] = append(append([]byte("  "), l...), " \t\r"...)
	}
	return append(append([]byte("\r\n\n"), bytes.Join(lines, []byte("\n"))...), "\n\n "...)
}

func encodePEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}
