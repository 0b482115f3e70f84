package intersight

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"iam_session_exporter/internal/smallfile"
)

// Key is the secret half of an Intersight API key: RSA ("version 2") or EC
// P-256 ("version 3").
type Key struct{ private crypto.Signer }

// maxKeyFile is far above any key's size.
const maxKeyFile = 64 << 10

// LoadKey reads and checks a secret key file. An error names the file and says
// what is wrong with it, without quoting it.
func LoadKey(path string) (*Key, error) {
	f := keyFile{path: path}
	return f.load()
}

// pemBlock finds PEM blocks however they are broken into lines: keys are pasted
// through tools that lose line ends, or indent them.
var pemBlock = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]*)-----(.*?)-----END [A-Z0-9 ]*-----`)

// parseKey reads a private key from PEM. The label is not believed, as
// Intersight's own EC files are labelled SEC1 ("EC PRIVATE KEY") but hold PKCS#8.
func parseKey(data []byte) (*Key, error) {
	text := strings.NewReplacer(`\r`, "", `\n`, "\n", "\r", "\n").Replace(string(data))
	if strings.Trim(text, "\ufeff \t\n") == "" {
		return nil, errors.New("the file is empty")
	}
	var label, body string
	var labels []string
	for _, m := range pemBlock.FindAllStringSubmatch(text, -1) {
		labels = append(labels, m[1])
		if strings.Contains(m[1], "PRIVATE KEY") {
			label, body = m[1], m[2]
			break
		}
	}
	switch {
	case label == "":
		return nil, noPrivateKey(text, labels)
	case strings.Contains(label, "ENCRYPTED"), strings.Contains(body, "Proc-Type:"):
		return nil, errors.New("the key is encrypted: store it without a passphrase")
	case strings.Contains(label, "OPENSSH"):
		return nil, errors.New("the key is in OpenSSH's format, not one of Intersight's")
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		return nil, errors.New("the PEM is damaged: it is not base64 between BEGIN and END")
	}
	private, err := parseDER(der)
	if err != nil {
		return nil, err
	}
	return newKey(private)
}

func noPrivateKey(text string, labels []string) error {
	all := strings.Join(labels, ", ")
	switch {
	case strings.Contains(all, "PUBLIC KEY"):
		return errors.New("the file holds a public key, not the private one")
	case strings.Contains(all, "CERTIFICATE"):
		return errors.New("the file holds a certificate, not a private key")
	case len(labels) > 0:
		return errors.New("the file holds no private key")
	case strings.Contains(text, "-----BEGIN "):
		return errors.New("the PEM is cut short: it has no END line")
	}
	return errors.New("the file is not PEM: it has no BEGIN line")
}

// parseDER tries the three forms in which private keys are stored.
func parseDER(der []byte) (any, error) {
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	if _, err := x509.ParsePKIXPublicKey(der); err == nil {
		return nil, errors.New("the file holds a public key, not the private one")
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		return nil, errors.New("the file holds a certificate, not a private key")
	}
	return nil, errors.New("the key is neither PKCS#1, PKCS#8 nor SEC1, or damaged")
}

// minRSA is the least that crypto/rsa signs with. Intersight makes keys of 2048
// bits; whether it takes an old shorter one is its decision.
const minRSA = 1024

func newKey(private any) (*Key, error) {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("the RSA key has %d bits, fewer than %d", k.N.BitLen(), minRSA)
		}
		return &Key{k}, nil
	case *ecdsa.PrivateKey:
		if k.Curve != elliptic.P256() {
			return nil, fmt.Errorf("the EC key is on curve %s; Intersight's are on P-256", k.Curve.Params().Name)
		}
		return &Key{k}, nil
	case ed25519.PrivateKey:
		return nil, errors.New("the key is an Ed25519 key; Intersight's are RSA or EC P-256")
	}
	return nil, errors.New("the key is neither RSA nor EC P-256")
}

// algorithm is the signature's name in the Authorization header.
func (k *Key) algorithm() string {
	if _, ok := k.private.(*rsa.PrivateKey); ok {
		return "rsa-sha256"
	}
	return "hs2019"
}

// sign returns RSASSA-PKCS1-v1_5, or ECDSA in ASN.1 DER, over text's SHA-256.
func (k *Key) sign(text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	return k.private.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// keyFile is a key that is read again when its file changes.
type keyFile struct {
	path string
	data string // that key was made of
	key  *Key
}

func (f *keyFile) load() (*Key, error) {
	data, err := smallfile.PEM(f.path)
	if err != nil {
		return nil, err
	}
	if f.key != nil && data == f.data {
		return f.key, nil
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%s: too large", f.path)
	}
	k, err := parseKey([]byte(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	f.key, f.data = k, data
	return k, nil
}
