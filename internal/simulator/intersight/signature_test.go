package intersight

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
)

var testKeys = sync.OnceValue(func() (k struct {
	rsa *RSAKey
	ec  *ECKey
}) {
	var err error
	if k.rsa, err = NewRSAKey(); err != nil {
		panic(err)
	}
	if k.ec, err = NewECKey(); err != nil {
		panic(err)
	}
	return k
})

// signing is a client's own idea of how to sign, as wrong as a case wants it.
type signing struct {
	key       crypto.Signer
	keyID     string
	algorithm string
	headers   string
	separator string
	target    string // signed instead of the right one
	host      string
	date      time.Time
	digest    string
	damage    bool
}

const emptyDigest = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

func (s signing) sign(t *testing.T, r *http.Request) {
	t.Helper()
	r.Header.Set("Date", s.date.UTC().Format(http.TimeFormat))
	r.Header.Set("Digest", s.digest)
	r.Header.Set("Content-Type", "application/json")
	values := map[string]string{
		"(request-target)": "get " + s.target, "host": s.host, "date": r.Header.Get("Date"),
		"digest": s.digest, "content-type": "application/json", "x-missing": "something",
	}
	var lines []string
	for h := range strings.FieldsSeq(s.headers) {
		lines = append(lines, h+": "+values[h])
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	// For crypto.Signer, RSA means PKCS#1 v1.5 and ECDSA means ASN.1.
	signature, err := s.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if s.damage {
		signature[len(signature)-1] ^= 1
	}
	r.Header.Set("Authorization", `Signature keyId="`+s.keyID+`",algorithm="`+s.algorithm+`",headers="`+s.headers+`",`+
		s.separator+`signature="`+base64.StdEncoding.EncodeToString(signature)+`"`)
}

func TestSignatures(t *testing.T) {
	keys := testKeys()
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 5})
	api := New(w, Options{Keys: map[string]crypto.PublicKey{
		"v2": &keys.rsa.Private.PublicKey, "v3": &keys.ec.Private.PublicKey,
	}})
	server := httptest.NewServer(api)
	defer server.Close()
	client := server.Client()
	target := PathSessions + "?%24select=Moid&$orderby=Moid"
	host := strings.TrimPrefix(server.URL, "http://")
	good := signing{
		key: keys.ec.Private, keyID: "v3", algorithm: "hs2019", headers: "(request-target) host date digest",
		target: target, host: host, date: world.DefaultStart, digest: emptyDigest,
	}
	v2 := good
	v2.key, v2.keyID, v2.algorithm = keys.rsa.Private, "v2", "rsa-sha256"

	for _, c := range []struct {
		name string
		base signing
		edit func(*signing)
		want string // why it is refused; "" if it is not
	}{
		{"v3", good, func(*signing) {}, ""},
		{"v2", v2, func(*signing) {}, ""},
		{"v2 hs2019", v2, func(s *signing) { s.algorithm = "hs2019" }, ""},
		{"more headers in another order", v2, func(s *signing) { s.headers = "date host content-type digest (request-target)" }, ""},
		{"blank before signature", good, func(s *signing) { s.separator = " " }, ""},
		{"late by less than the tolerance", good, func(s *signing) { s.date = s.date.Add(-299 * time.Second) }, ""},
		{"late", good, func(s *signing) { s.date = s.date.Add(-301 * time.Second) }, "the Date is off"},
		{"early", good, func(s *signing) { s.date = s.date.Add(301 * time.Second) }, "the Date is off"},
		{"unknown key", good, func(s *signing) { s.keyID = "v4" }, "unknown keyId"},
		{"other key", good, func(s *signing) { s.keyID, s.algorithm = "v2", "rsa-sha256" }, "RSA signature"},
		{"wrong algorithm", good, func(s *signing) { s.algorithm = "rsa-sha256" }, "wrong algorithm"},
		{"wrong algorithm for v2", v2, func(s *signing) { s.algorithm = "rsa-sha512" }, "wrong algorithm"},
		{"no host", good, func(s *signing) { s.headers = "(request-target) date digest" }, "host is not signed"},
		{"no target", good, func(s *signing) { s.headers = "host date digest" }, "(request-target) is not signed"},
		{"no date", good, func(s *signing) { s.headers = "(request-target) host digest" }, "date is not signed"},
		{"no digest", good, func(s *signing) { s.headers = "(request-target) host date" }, "digest is not signed"},
		{"signed but not sent", good, func(s *signing) { s.headers += " x-missing" }, "was not sent"},
		{"target in another spelling", good, func(s *signing) { s.target = strings.Replace(target, "%24", "$", 1) }, "EC signature"},
		{"host without port", good, func(s *signing) { s.host = "127.0.0.1" }, "EC signature"},
		{"digest of something else", good, func(s *signing) { s.digest = "SHA-256=AAAA" }, "wrong Digest"},
		{"damaged", v2, func(s *signing) { s.damage = true }, "RSA signature"},
	} {
		s := c.base
		c.edit(&s)
		r, err := http.NewRequest(http.MethodGet, server.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.sign(t, r)
		checkRefusal(t, c.name, client, r, api, c.want, "iam_api_key_is_invalid")
	}

	r, _ := http.NewRequest(http.MethodGet, server.URL+target, nil)
	checkRefusal(t, "no Authorization", client, r, api, "no Authorization", "iam_cookie_invalid")
	for malformed, why := range map[string]string{"Signature x": "malformed", `Signature keyId="a`: "malformed",
		`Signature keyId="v3"algorithm="b"`: "malformed", "Basic Zm9vOmJhcg==": "scheme"} {
		r, _ := http.NewRequest(http.MethodGet, server.URL+target, nil)
		r.Header.Set("Authorization", malformed)
		checkRefusal(t, malformed, client, r, api, why, "iam_api_key_is_invalid")
	}
}

func checkRefusal(t *testing.T, name string, client *http.Client, r *http.Request, api *Handler, want, id string) {
	t.Helper()
	before := api.Stats().Refused
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var e struct{ Code, MessageID, Message, TraceID string }
	json.NewDecoder(resp.Body).Decode(&e)
	stats := api.Stats()
	if want == "" {
		if resp.StatusCode != 200 {
			t.Errorf("%s: refused for %s; resp.StatusCode = %v, want 200", name, stats.LastRefusal, resp.StatusCode)
		}
		return
	}
	if resp.StatusCode != 401 || stats.Refused != before+1 || !strings.Contains(stats.LastRefusal, want) {
		t.Errorf("%s: %d, %s; want %s", name, resp.StatusCode, stats.LastRefusal, want)
	}
	if e.Code != "AuthenticationFailure" || e.MessageID != id || e.TraceID == "" || resp.Header.Get("X-Starship-Traceid") == "" ||
		resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Contains(e.Message, want) {
		t.Errorf(`%s: %+v, %v; want Code "AuthenticationFailure", MessageID %v, TraceID other than "", X-Starship-Traceid other than "", Content-Type "text/plain; charset=utf-8"`, name, e, resp.Header, id)
	}
}

func TestKeyFiles(t *testing.T) {
	keys := testKeys()
	der := func(file []byte, label string) []byte {
		block, rest := pem.Decode(file)
		if block == nil || block.Type != label || len(rest) > 0 {
			t.Fatalf("not one block of %s: %s; want block.Type %v; len(rest) = %v, want 0", label, file, label, len(rest))
		}
		return block.Bytes
	}
	if k, err := x509.ParsePKCS1PrivateKey(der(keys.rsa.PKCS1, "RSA PRIVATE KEY")); err != nil || !k.Equal(keys.rsa.Private) {
		t.Error(err)
	}
	if k, err := x509.ParsePKCS8PrivateKey(der(keys.rsa.PKCS8, "PRIVATE KEY")); err != nil || !k.(*rsa.PrivateKey).Equal(keys.rsa.Private) {
		t.Error(err)
	}
	if k, err := x509.ParseECPrivateKey(der(keys.ec.SEC1, "EC PRIVATE KEY")); err != nil || !k.Equal(keys.ec.Private) {
		t.Error(err)
	}
	for label, file := range map[string][]byte{"PRIVATE KEY": keys.ec.PKCS8, "EC PRIVATE KEY": keys.ec.Mislabeled} {
		if k, err := x509.ParsePKCS8PrivateKey(der(file, label)); err != nil || !k.(*ecdsa.PrivateKey).Equal(keys.ec.Private) {
			t.Error(err)
		}
	}
	if s := string(OneLine(keys.ec.PKCS8)); strings.Contains(s, "\n") || strings.Count(s, `\n`) < 3 {
		t.Errorf("%v; strings.Count(s, `\\n`) = %v, want at least 3", s, strings.Count(s, `\n`))
	}
	if b, _ := pem.Decode(Untidy(keys.ec.PKCS8)); b != nil {
		t.Error("an untidy file parses as it is; it should need repair")
	}
}
