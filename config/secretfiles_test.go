package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// every names a file under each key that takes one.
const every = `sources:
  - name: a
    api: intersight
    url: https://a
    api_key: {id_file: FILE/id, secret_key_file: FILE/key}
  - name: b
    api: oam
    url: https://b
    basic_auth: {username_file: FILE/user, password_file: FILE/password}
    tls_config: {ca_file: FILE/ca, cert_file: FILE/cert, key_file: FILE/tls_key}
    http_headers: {X-Site: {files: [FILE/header]}}
  - name: c
    api: oam
    url: https://c
    authorization: {credentials_file: FILE/credentials}
  - name: d
    api: oam
    url: https://d
    bearer_token_file: FILE/bearer
  - name: e
    api: oam
    url: https://e
    oauth2: {client_id: e, client_secret_file: FILE/client_secret, token_url: https://idp}
  - name: f
    api: oam
    url: https://f
    oauth2: {client_id: f, grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", client_certificate_key_file: FILE/jwt_key, token_url: https://idp}
`

var (
	lineFiles = []string{"id", "user", "password", "header", "credentials", "bearer", "client_secret"}
	pemFiles  = []string{"key", "ca", "cert", "tls_key", "jwt_key"}
)

func TestSecretFilesAreOneLineOfUTF8(t *testing.T) {
	type verdict struct{ line, pem string } // "": valid
	for _, c := range []struct {
		name, content string
		want          verdict
	}{
		{"one line", canary + "\n", verdict{}},
		{"byte order mark", "\ufeff" + canary + "\r\n", verdict{}},
		{"two lines", canary + "\n" + canary + "\n", verdict{line: "holds more than one line"}},
		{"NUL", canary + "\x00", verdict{line: "holds a control character"}},
		{"Latin-1", "p\xe4ss", verdict{line: "holds bytes that are not UTF-8; save it as UTF-8"}},
		{"UTF-16", "\xff\xfeh\x00i\x00", verdict{"is UTF-16; save it as UTF-8", "is UTF-16; save it as UTF-8"}},
		{"blank", " \n", verdict{"is empty", "is empty"}},
	} {
		dir := t.TempDir()
		for _, f := range append(lineFiles, pemFiles...) {
			if err := os.WriteFile(filepath.Join(dir, f), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := checked(t, dir)
		for _, f := range lineFiles {
			if got[f] != c.want.line {
				t.Errorf("%s, %s: %q, want %q", c.name, f, got[f], c.want.line)
			}
		}
		for _, f := range pemFiles {
			if got[f] != c.want.pem {
				t.Errorf("%s, %s: %q, want %q", c.name, f, got[f], c.want.pem)
			}
		}
	}
}

// checked returns what CheckFiles says of each file below dir.
func checked(t *testing.T, dir string) map[string]string {
	t.Helper()
	c, err := Parse([]byte(strings.ReplaceAll(every, "FILE", dir)), "iam.yml", dir)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := c.CheckFiles(); done <- err }()
	select {
	case err = <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("CheckFiles waits for a file")
	}
	said := make(map[string]string)
	if err != nil {
		for _, e := range err.(Errors) {
			if strings.Contains(e.Error(), canary) {
				t.Errorf("the secret is in %v", e)
			}
			path, why, _ := strings.Cut(e.Message, ": ")
			said[filepath.Base(path)] = why
		}
	}
	return said
}

func TestNoFileIsWaitedForOrLarge(t *testing.T) {
	for want, make := range map[string]func(string) error{
		"is not a regular file": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"is larger than 1 MiB": func(p string) error {
			if err := os.WriteFile(p, []byte(canary), 0o600); err != nil {
				return err
			}
			return os.Truncate(p, 1<<30)
		},
	} {
		dir := t.TempDir()
		for _, f := range append(lineFiles, pemFiles...) {
			if err := make(filepath.Join(dir, f)); err != nil {
				t.Fatal(err)
			}
		}
		said := checked(t, dir)
		for _, f := range append(lineFiles, pemFiles...) {
			if said[f] != want {
				t.Errorf("%s: %q, want %q", f, said[f], want)
			}
		}
	}
}

func TestVariablesOutsidePathsAreWarnedOf(t *testing.T) {
	t.Setenv("IAM_DIR", "/etc")
	c := parse(t, `sources:
  - name: a
    api: oam
    url: https://a
    basic_auth:
      username: ${IAM_USER}
      password_file: ${IAM_DIR}/password
    http_headers:
      X-Site: {values: ["x${SITE:-y}"]}
      X-More: {files: ["${IAM_DIR}/more"]}
    identity_stores: [plain, "${STORE}", $HOME]
    proxy_url: http://proxy
    proxy_connect_header: {X-P: ["${`+canary+`}"]}
  - name: b
    api: oam
    url: https://b
    role_attribute: ${ROLE}
    oauth2:
      client_id: c
      grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer
      client_certificate_key_file: k
      token_url: https://idp/t
      endpoint_params: {p: "${P}"}
      claims: {q: {"${R}": 1}}
`)
	const what = "holds ${, which is taken literally: variables are expanded in file paths only"
	want := []string{
		"iam.yml:6: sources[0].basic_auth.username: " + what,
		"iam.yml:9: sources[0].http_headers.X-Site.values[0]: " + what,
		"iam.yml:11: sources[0].identity_stores[1]: " + what,
		"iam.yml:13: sources[0].proxy_connect_header.X-P[0]: " + what,
		"iam.yml:17: sources[1].role_attribute: " + what,
		"iam.yml:23: sources[1].oauth2.endpoint_params.p: " + what,
		"iam.yml:24: sources[1].oauth2.claims.q: has a key that " + what,
	}
	if got := c.Warnings().Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if got := c.Sources[0].HTTP.BasicAuth.PasswordFile; got != "/etc/password" {
		t.Errorf(`%v; want "/etc/password"`, got)
	}
}
