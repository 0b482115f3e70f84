package intersight

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// emptyDigest is the Digest of no body, the SHA-256 of nothing in base64.
const emptyDigest = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

const keyID = "59c84e4a16267c0001c23428/59cc595416267c0001a0dfc7/62b1f0a17564612d3007d2a5"

func withKey(path string) func(*Config) {
	return func(c *Config) { c.KeyID, c.SecretKeyFile = " \t"+keyID+" \n", path }
}

var authorization = regexp.MustCompile(`^Signature keyId="([^"]+)",algorithm="([^"]+)",headers="\(request-target\) host date digest",signature="([^"]+)"$`)

// received is what a server can rebuild of a signed request from what arrived.
type received struct {
	text      string // the signing string
	keyID     string
	algorithm string
	signature []byte
}

func receive(r *http.Request) (received, error) {
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return received{}, fmt.Errorf("Authorization %q", r.Header.Get("Authorization"))
	}
	sig, err := base64.StdEncoding.DecodeString(m[3])
	if d := r.Header.Get("Digest"); d != emptyDigest {
		err = fmt.Errorf("Digest %q", d)
	}
	text := strings.Join([]string{
		"(request-target): " + strings.ToLower(r.Method) + " " + r.RequestURI,
		"host: " + r.Host,
		"date: " + r.Header.Get("Date"),
		"digest: " + r.Header.Get("Digest"),
	}, "\n")
	return received{text, m[1], m[2], sig}, err
}

// verify checks a signature with the Go library and with openssl.
func verify(t *testing.T, r received, public crypto.PublicKey) {
	t.Helper()
	sum := sha256.Sum256([]byte(r.text))
	good := false
	switch k := public.(type) {
	case *rsa.PublicKey:
		good = r.algorithm == "rsa-sha256" && rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], r.signature) == nil
	case *ecdsa.PublicKey:
		good = r.algorithm == "hs2019" && ecdsa.VerifyASN1(k, sum[:], r.signature)
	}
	if !good {
		t.Errorf("signature (%s) is not valid for:\n%s", r.algorithm, r.text)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"text": []byte(r.text), "sig": r.signature,
		"public.pem": []byte(pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(public)))),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "sig", "text")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openssl: %v: %s", err, out)
	}
}

// What a server gets is signed byte for byte, for both kinds of keys, and anew
// for each page and attempt.
func TestSignature(t *testing.T) {
	for name, c := range map[string]struct {
		pem    string
		public crypto.PublicKey
	}{
		"v2": {pkcs1(), rsaKey().Public()},
		"v3": {v3(), ecKey().Public()},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(15)...)
			f.pageCap = 10
			var mu sync.Mutex
			var got []received
			keep := func(r *http.Request) {
				rec, err := receive(r)
				if err != nil || rec.keyID != keyID {
					t.Errorf("%s: key id %q, %v; want %q", r.RequestURI, rec.keyID, err, keyID)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, rec)
			}
			b := newBench(t, f.url, withKey(writeFile(t, "key.pem", c.pem)))
			f.sessions = func(page int, w http.ResponseWriter, r *http.Request) bool {
				keep(r)
				b.clock.Advance(time.Second)
				if page == 1 {
					w.WriteHeader(http.StatusBadGateway) // and is asked again
					return true
				}
				return false
			}
			limits := f.limits
			f.limits = func(w http.ResponseWriter, r *http.Request) { keep(r); limits(w, r) }
			if snap := b.snapshot(t); len(snap.Sessions) != 15 || snap.Limits.Sessions == nil {
				t.Errorf("%+v; want len Sessions 15", snap)
			}
			texts := map[string]bool{}
			for _, r := range got {
				verify(t, r, c.public)
				texts[r.text] = true
			}
			if len(got) != 4 || len(texts) != 4 {
				t.Errorf("%d requests with %d signing strings; want 4, 4", len(got), len(texts))
			}
			first := "(request-target): get /api/v1/iam/Sessions?%24select=Moid%2CCreateTime%2CEndTime%2CStatus%2CRole%2CUserIdOrEmail%2CUser%2CClientIpAddress" +
				"%2CExpiration%2CIdleTimeExpiration%2CLastLoginTime%2CFailedLogins%2CLoginType&%24orderby=Moid&%24inlinecount=allpages&%24top=1000&%24skip=0\n" +
				"host: " + strings.TrimPrefix(f.url, "http://") + "\n" +
				"date: Thu, 20 Aug 2026 12:00:00 GMT\n" +
				"digest: " + emptyDigest
			if !texts[first] {
				t.Errorf("signed none of these:\n%s", first)
			}
		})
	}
}

// The host that is signed is the one that net/http sends.
func TestSignedHost(t *testing.T) {
	key := writeFile(t, "key.pem", v3())
	for url, want := range map[string]string{
		"https://intersight.com":            "intersight.com",
		"https://intersight.com:443":        "intersight.com",
		"https://Intersight.COM:8443/":      "intersight.com:8443",
		"https://intersight.com:80":         "intersight.com:80",
		"http://intersight.com:80":          "intersight.com",
		"http://intersight.com:443":         "intersight.com:443",
		"https://[2001:db8::1]":             "[2001:db8::1]",
		"https://[2001:db8::1]:443":         "[2001:db8::1]",
		"https://[2001:db8::1]:8443":        "[2001:db8::1]:8443",
		"https://[fe80::1%25eth0]:8443":     "[fe80::1]:8443",
		"https://intersight.com:/":          "intersight.com",
		"https://xn--bcher-kva.example.com": "xn--bcher-kva.example.com",
	} {
		cfg := Config{URL: url, Now: func() time.Time { return noon }}
		withKey(key)(&cfg)
		s, err := newSigner(cfg)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodGet, strings.TrimRight(url, "/")+"/api?"+query{properties: sessionProperties(), skip: 0}.encode(), http.NoBody)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if err := s.sign(req); err != nil {
			t.Fatal(err)
		}
		var wire strings.Builder
		if err := req.Write(&wire); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(wire.String(), "\r\nHost: "+want+"\r\n") || !strings.Contains(signingString(req), "\nhost: "+want+"\n") {
			t.Errorf("%s: sent; want %q in it\n%s\nsigned\n%s", url, "\r\nHost: "+want+"\r\n", wire.String(), signingString(req))
		}
	}
}

// A body is part of what is signed, though this API is never sent one.
func TestSignedBody(t *testing.T) {
	cfg := Config{Now: func() time.Time { return noon }}
	withKey(writeFile(t, "key.pem", v3()))(&cfg)
	s := must(newSigner(cfg))
	req := must(http.NewRequest(http.MethodPost, "https://x/", strings.NewReader("abc")))
	if err := s.sign(req); err != nil {
		t.Fatal(err)
	}
	if got := req.Header.Get("Digest"); got != "SHA-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" {
		t.Errorf(`Digest %s; want "SHA-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="`, got)
	}
	req.GetBody = nil
	if err := s.sign(req); err == nil {
		t.Error("signed a body it could not read")
	}
}

// Key and id files count as they are now; one that can't be used is an auth
// error that names the file, and its repair ends a back-off.
func TestKeyFilesChange(t *testing.T) {
	key, id := writeFile(t, "key.pem", v3()), writeFile(t, "id", "\ufeff  "+keyID+"\r\n")
	f := newFakeAPI(t, rows(1)...)
	var mu sync.Mutex
	var last received
	refuse := false
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		last, _ = receive(r)
		if refuse {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return refuse
	}
	b := newBench(t, f.url, func(c *Config) { c.KeyIDFile, c.SecretKeyFile = id, key })
	check := func(public crypto.PublicKey, wantID string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		verify(t, last, public)
		if last.keyID != wantID {
			t.Errorf("key id %q; want %q", last.keyID, wantID)
		}
	}
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.snapshot(t)
	check(ecKey().Public(), keyID)
	write(key, pkcs1())
	write(id, "a/b/c")
	b.snapshot(t)
	check(rsaKey().Public(), "a/b/c")

	for _, bad := range []struct{ path, content string }{{key, "nonsense"}, {key, pemOf("CERTIFICATE", nil)}, {id, ""}, {id, "two words"}, {id, "q\"uote"}} {
		before, _ := os.ReadFile(bad.path)
		write(bad.path, bad.content)
		if err := b.failure(t, session.ReasonAuth); !strings.Contains(err.Error(), bad.path) || bad.content != "" && strings.Contains(err.Error(), bad.content) {
			t.Errorf("%v", err)
		}
		if err := os.Remove(bad.path); err != nil {
			t.Fatal(err)
		}
		if err := b.failure(t, session.ReasonAuth); !strings.Contains(err.Error(), bad.path) {
			t.Errorf("%v", err)
		}
		write(bad.path, string(before))
		b.snapshot(t)
	}

	refuse = true
	b.failure(t, session.ReasonAuth)
	f.forget()
	refuse = false
	b.failure(t, session.ReasonAuth)
	if len(f.asked) != 0 {
		t.Errorf("asked %v while backed off; want len 0", f.asked)
	}
	write(key, v3())
	b.snapshot(t)
	check(ecKey().Public(), "a/b/c")
}

func TestNew(t *testing.T) {
	key, bad := writeFile(t, "key.pem", v3()), writeFile(t, "bad.pem", "x")
	for name, c := range map[string]struct {
		cfg  Config
		says string
	}{
		"no url":         {Config{}, "url"},
		"no scheme":      {Config{URL: "intersight.com"}, "url"},
		"another scheme": {Config{URL: "ftp://intersight.com"}, "url"},
		"no host":        {Config{URL: "https://:443"}, "url"},
		"a path":         {Config{URL: "https://intersight.com/api"}, "url"},
		"a query":        {Config{URL: "https://intersight.com?a=b"}, "url"},
		"a password":     {Config{URL: "https://u:hunter2@intersight.com"}, "url"},
		"not a url":      {Config{URL: "https://u:hunter2@[::1"}, "url"},
		"an IDN":         {Config{URL: "https://bücher.example.com"}, "xn--"},
		"no key":         {Config{URL: "https://x", KeyID: keyID}, "secret_key_file"},
		"no id":          {Config{URL: "https://x", SecretKeyFile: key}, "id"},
		"two ids":        {Config{URL: "https://x", SecretKeyFile: key, KeyID: keyID, KeyIDFile: key}, "both"},
		"an odd id":      {Config{URL: "https://x", SecretKeyFile: key, KeyID: "a b"}, "api_key: id"},
		"a bad key":      {Config{URL: "https://x", SecretKeyFile: bad, KeyID: keyID}, bad},
		"a missing key":  {Config{URL: "https://x", SecretKeyFile: bad + "x", KeyID: keyID}, bad + "x"},
		"a missing id":   {Config{URL: "https://x", SecretKeyFile: key, KeyIDFile: bad + "y"}, bad + "y"},
		"key and OAuth2": {Config{URL: "https://x", SecretKeyFile: key, KeyID: keyID, HTTP: promconfig.HTTPClientConfig{OAuth2: &promconfig.OAuth2{}}}, "api_key"},
		"a missing CA":   {Config{URL: "https://x", HTTP: promconfig.HTTPClientConfig{TLSConfig: promconfig.TLSConfig{CAFile: bad + "z"}}}, bad + "z"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(c.cfg)
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), keyID) {
				t.Errorf("%v", err)
			}
		})
	}
}
