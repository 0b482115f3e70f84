package intersight

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Keys are made once for all tests: RSA ones take a while.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func pkcs1() string      { return pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())) }
func pkcs8(k any) []byte { return must(x509.MarshalPKCS8PrivateKey(k)) }
func sec1() []byte       { return must(x509.MarshalECPrivateKey(ecKey())) }

// v3 is an EC key as Intersight hands it out: labelled SEC1, PKCS#8 inside.
func v3() string { return pemOf("EC PRIVATE KEY", pkcs8(ecKey())) }

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadKey(t *testing.T) {
	oneLine := func(s, with string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", with) }
	parameters := pemOf("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	for name, c := range map[string]struct {
		file string
		want crypto.Signer
	}{
		"v2, PKCS#1":              {pkcs1(), rsaKey()},
		"v2, PKCS#8":              {pemOf("PRIVATE KEY", pkcs8(rsaKey())), rsaKey()},
		"v2, another label":       {pemOf("RSA PRIVATE KEY", pkcs8(rsaKey())), rsaKey()},
		"v2, an EC label":         {pemOf("EC PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), rsaKey()},
		"v3 as handed out":        {v3(), ecKey()},
		"v3, PKCS#8":              {pemOf("PRIVATE KEY", pkcs8(ecKey())), ecKey()},
		"v3, SEC1":                {pemOf("EC PRIVATE KEY", sec1()), ecKey()},
		"v3, SEC1, another label": {pemOf("PRIVATE KEY", sec1()), ecKey()},
		"parameters first":        {parameters + v3(), ecKey()},
		"blanks at line ends":     {strings.ReplaceAll(v3(), "\n", " \t\n"), ecKey()},
		"indented":                {strings.ReplaceAll("\n"+v3(), "\n", "\n   \t"), ecKey()},
		"CRLF":                    {strings.ReplaceAll(pkcs1(), "\n", "\r\n"), rsaKey()},
		"BOM":                     {"\ufeff" + v3(), ecKey()},
		`\n written out`:          {oneLine(v3(), `\n`), ecKey()},
		`\r\n written out`:        {oneLine(v3(), `\r\n`), ecKey()},
		`\n and line ends`:        {strings.ReplaceAll(pkcs1(), "\n", `\n`+"\n"), rsaKey()},
		"one line":                {oneLine(v3(), ""), ecKey()},
		"one line with blanks":    {oneLine(pkcs1(), " "), rsaKey()},
		"quoted":                  {`"` + oneLine(v3(), `\n`) + `"`, ecKey()},
		"no final newline":        {strings.TrimSpace(v3()), ecKey()},
		"text before":             {"Intersight key\nof 2026:\n\n" + v3() + "\nand after", ecKey()},
		"empty lines":             {strings.ReplaceAll(v3(), "\n", "\n\n"), ecKey()},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := LoadKey(writeFile(t, "key.pem", c.file))
			if err != nil {
				t.Fatal(err)
			}
			if !k.private.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(c.want.Public()) {
				t.Error("another key")
			}
			if _, isRSA := c.want.(*rsa.PrivateKey); (k.algorithm() == "rsa-sha256") != isRSA {
				t.Errorf("algorithm %s, want rsa-sha256: %v", k.algorithm(), isRSA)
			}
		})
	}
}

func TestLoadBadKey(t *testing.T) {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Now()}
	cert := must(x509.CreateCertificate(rand.Reader, template, template, ecKey().Public(), ecKey()))
	public := must(x509.MarshalPKIXPublicKey(ecKey().Public()))
	for name, c := range map[string]struct{ file, says string }{
		"empty":                      {"", "empty"},
		"blank":                      {"\ufeff \n\t", "empty"},
		"no PEM":                     {"hello", "not PEM"},
		"bare base64":                {base64.StdEncoding.EncodeToString(sec1()), "not PEM"},
		"cut short":                  {v3()[:100], "cut short"},
		"damaged":                    {strings.Replace(v3(), "M", "!", 1), "damaged"},
		"nothing inside":             {"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "neither PKCS#1"},
		"rubbish inside":             {pemOf("PRIVATE KEY", []byte("rubbish")), "neither PKCS#1"},
		"encrypted PKCS#8":           {pemOf("ENCRYPTED PRIVATE KEY", sec1()), "encrypted"},
		"encrypted PKCS#1":           {strings.Replace(pkcs1(), "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1), "encrypted"},
		"public key":                 {pemOf("PUBLIC KEY", public), "public key"},
		"public key by another name": {pemOf("PRIVATE KEY", public), "public key"},
		"RSA public key":             {pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), "public key"},
		"certificate":                {pemOf("CERTIFICATE", cert), "certificate"},
		"certificate as a key":       {pemOf("PRIVATE KEY", cert), "certificate"},
		"parameters only":            {pemOf("EC PARAMETERS", []byte{1}), "no private key"},
		"OpenSSH":                    {pemOf("OPENSSH PRIVATE KEY", []byte("x")), "OpenSSH"},
		"P-384":                      {pemOf("EC PRIVATE KEY", pkcs8(p384)), "P-384"},
		"Ed25519":                    {pemOf("PRIVATE KEY", pkcs8(ed)), "Ed25519"},
		"RSA of 512 bits":            {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(smallRSA())), "512 bits"},
		"too large":                  {strings.Repeat("x", maxKeyFile+1), "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "key.pem", c.file)
			_, err := LoadKey(path)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one about %q that names the file", err, c.says)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "none.pem")
	if _, err := LoadKey(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v, want %q in it", err, missing)
	}
	dir := t.TempDir()
	if _, err := LoadKey(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("directory: %v, want %q in it", err, dir)
	}
}

// smallRSA builds a key shorter than crypto/rsa would generate.
func smallRSA() *rsa.PrivateKey {
	for {
		p, q := must(rand.Prime(rand.Reader, 256)), must(rand.Prime(rand.Reader, 256))
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(65537), phi)
		n := new(big.Int).Mul(p, q)
		if d == nil || p.Cmp(q) == 0 || n.BitLen() != 512 {
			continue
		}
		return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537}, D: d, Primes: []*big.Int{p, q}}
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{pkcs1(), v3(), pemOf("PRIVATE KEY", sec1()), strings.ReplaceAll(v3(), "\n", `\n`), "",
		"-----BEGIN PRIVATE KEY-----MIIB-----END PRIVATE KEY-----", "-----BEGIN -----BEGIN RSA PRIVATE KEY-----\n-----END -----"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxKeyFile {
			return
		}
		k, err := parseKey(data)
		if (k == nil) == (err == nil) {
			t.Fatalf("key %v, error %v; want one of them", k, err)
		}
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("an error of %d bytes; want at most 200", len(err.Error()))
			}
			return
		}
		if sig, err := k.sign([]byte("text")); err != nil || len(sig) == 0 {
			t.Errorf("can't sign with it: %v", err)
		}
	})
}
