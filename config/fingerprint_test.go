package config

import (
	"reflect"
	"strings"
	"testing"
)

const fingerprintBase = `sources:
  - name: a
    api: oam
    url: https://a
    basic_auth: {username: u, password_file: p}
`

func TestFingerprintSame(t *testing.T) {
	t.Setenv("IAM_TEST_P", "p")
	want := parse(t, fingerprintBase).Sources[0].Fingerprint()
	for name, text := range map[string]string{
		"read again":        fingerprintBase,
		"comment":           "# hello\n" + fingerprintBase,
		"defaults":          fingerprintBase + "    timeout: 10s\n    min_interval: 30s\n    enable_http2: true\n    follow_redirects: false\n    identity_stores: []\n",
		"other spelling":    strings.NewReplacer("https://a", "HTTPS://A:443/", "file: p", "file: '/etc/iam/./${IAM_TEST_P}'").Replace(fingerprintBase),
		"other duration":    fingerprintBase + "    timeout: 10000ms\n    session_lifetime: 1d\n",
		"flow":              `{"sources":[{"basic_auth":{"password_file":"p","username":"u"},"url":"https://a","api":"oam","name":"a"}]}`,
		"no filter":         fingerprintBase + "    filter: {}\n",
		"labels differ":     fingerprintBase + "labels: {role: {limit: 7}}\n",
		"one more after it": fingerprintBase + "  - {name: b, api: oam, url: https://b, bearer_token_file: t}\n",
	} {
		if got := parse(t, text).Sources[0].Fingerprint(); got != want {
			t.Errorf("%s: differs; got = %v, want %v", name, got, want)
		}
	}
}

// The order of a filter's keys, and a list of one value, mean nothing.
func TestFingerprintOfFilters(t *testing.T) {
	of := func(filter string) string {
		return parse(t, "sources: [{name: a, api: intersight, url: https://a, filter: "+filter+"}]").Sources[0].Fingerprint()
	}
	if got, want := of("{status: Active, role: [a]}"), of("{role: a, status: [Active]}"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFingerprintDiffers(t *testing.T) {
	oauth := strings.Replace(fingerprintBase, "basic_auth: {username: u, password_file: p}", "oauth2: {client_id: c, client_secret_file: s, token_url: https://t%}", 1)
	jwt := strings.Replace(oauth, "client_secret_file: s", "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_certificate_key_file: k", 1)
	key := "sources:\n  - name: a\n    api: intersight\n    url: https://a\n    api_key: {id: i, secret_key_file: k}\n"
	texts := []string{
		fingerprintBase,
		strings.Replace(fingerprintBase, "name: a", "name: b", 1),
		strings.Replace(fingerprintBase, "https://a", "https://b", 1),
		strings.Replace(fingerprintBase, "https://a", "https://a:444", 1),
		strings.Replace(fingerprintBase, "username: u", "username: v", 1),
		strings.Replace(fingerprintBase, "username: u", "username_file: u", 1),
		strings.Replace(fingerprintBase, "password_file: p", "password_file: q", 1),
		key,
		strings.Replace(key, "id: i", "id: j", 1),
		strings.Replace(key, "id: i", "id_file: i", 1),
		strings.Replace(key, "secret_key_file: k", "secret_key_file: l", 1),
	}
	for _, more := range []string{"filter: {role: a}", "filter: {role: [a, b]}", "filter: {role: 'a, b'}", "exclude: {role: a}", "exclude: {status: a}", "identity_providers: false"} {
		texts = append(texts, key+"    "+more+"\n")
	}
	for _, more := range []string{"timeout: 11s", "min_interval: 31s", "probe_only: true", "identity_stores: [x]", "identity_stores: [x, y]",
		"identity_stores: ['x, y']", "idle_timeout: 14m", "session_lifetime: 23h", "max_sessions_per_user: 1", "role_attribute: r", "max_queries: 199",
		"max_concurrent_queries: 3", "filter: {user_id: a}", "filter: {user_id: b}",
		"filter: {user_id: a, client_ip: b}", "filter: {user_id: b, client_ip: a}", "filter: {is_impersonating: true}", "filter: {is_impersonating: false}", "enable_http2: false", "tls_config: {ca_file: x}", "tls_config: {server_name: x}", "tls_config: {insecure_skip_verify: true}",
		"tls_config: {min_version: TLS13}", "tls_config: {max_version: TLS13}", "tls_config: {cert_file: x, key_file: y}", "proxy_url: http://p",
		"{proxy_url: http://p, no_proxy: x}", "proxy_from_environment: true", "{proxy_url: http://p, proxy_connect_header: {X-A: [a]}}",
		"{proxy_url: http://p, proxy_connect_header: {X-A: [b]}}", "http_headers: {X-A: {values: [a]}}", "http_headers: {X-A: {values: [b]}}", "http_headers: {X-A: {files: [a]}}",
	} {
		if strings.HasPrefix(more, "{") {
			more = "<<: " + more
		}
		texts = append(texts, fingerprintBase+"    "+more+"\n")
	}
	for _, more := range []string{"", "/x", ", scopes: [a]", ", scopes: [b]", ", endpoint_params: {a: b}", ", endpoint_params: {a: c}",
		", tls_config: {ca_file: x}", ", proxy_url: http://p", ", proxy_url: http://p, proxy_connect_header: {X-A: [a]}", ", proxy_url: http://p, proxy_connect_header: {X-A: [b]}"} {
		texts = append(texts, strings.Replace(oauth, "%", more, 1))
	}
	for _, more := range []string{"", ", iss: x", ", audience: x", ", signature_algorithm: RS512", ", client_certificate_key_id: x", ", claims: {a: 1}", ", claims: {a: '1'}", ", claims: {a: [1.5, true, null]}"} {
		texts = append(texts, strings.Replace(jwt, "%", more, 1))
	}
	seen := make(map[string]string)
	for _, text := range texts {
		f := parse(t, text).Sources[0].Fingerprint()
		if other, ok := seen[f]; ok {
			t.Errorf("the same fingerprint:\n%s\n%s", text, other)
		}
		seen[f] = text
	}
}

// A field that is added to Source is in the fingerprint as well.
func TestFingerprintCoversFields(t *testing.T) {
	base := Source{}.Fingerprint()
	for i := range reflect.TypeFor[Source]().NumField() {
		var s Source
		f := reflect.ValueOf(&s).Elem().Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Int, reflect.Int64:
			f.SetInt(1)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Interface:
			s.Options = new(OAMOptions)
		case reflect.Struct:
			s.HTTP.EnableHTTP2 = true
		default:
			t.Fatalf("teach this test %v", f.Type())
		}
		if s.Fingerprint() == base {
			t.Errorf("%s is not in the fingerprint", reflect.TypeFor[Source]().Field(i).Name)
		}
	}
}
