package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
)

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text), "iam.yml", "/etc/iam")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

const exampleFile = "iam_session_exporter.example.yml"

func TestExample(t *testing.T) {
	c, err := Load(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	invariants(t, c)
	if len(c.Warnings()) != 0 {
		t.Errorf("warnings %v, want none", c.Warnings())
	}
	if got, want := c.Sources[0].APIKey.SecretKeyFile, "intersight.pem"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}

	// It must show every key there is, except what is refused or deprecated.
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, path := range paths(root.Content[0], "") {
		parts := strings.Split(path, ".")
		shown[parts[len(parts)-1]] = true
	}
	refused := []string{"bearer_token", "bearer_token_file", "password", "credentials", "client_secret", "client_certificate_key",
		"key", "secrets", "cert"}
	for _, key := range yamlKeys(reflect.TypeFor[exceptionView]()) { // one that ends some day would be a warning after that
		if !strings.Contains(string(data), key+": ") {
			t.Errorf("the example does not show the key %s of an exception", key)
		}
	}
	keys := append(yamlKeys(reflect.TypeFor[configView]()), yamlKeys(reflect.TypeFor[sourceView]())...)
	keys = append(keys, yamlKeys(reflect.TypeFor[sourceAlertingView]())...)
	keys = append(keys, yamlKeys(reflect.TypeFor[hoursView]())...)
	for _, d := range detection.All() {
		keys = append(keys, d.Key)
		for _, k := range d.AllKeys() {
			keys = append(keys, k.Name)
		}
	}
	for key := range alertingKeys() {
		keys = append(keys, key)
	}
	for _, key := range keys {
		if !shown[key] && !slices.Contains(refused, key) && !strings.HasSuffix(key, "_ref") {
			t.Errorf("the example does not show the key %s", key)
		}
	}
}

// paths lists the keys of all mappings, as a.b.c; lists don't count.
func paths(n *yaml.Node, at string) []string {
	var out []string
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			out = append(out, paths(c, at)...)
		case i%2 == 0:
			out = append(out, join(at, c.Value))
		default:
			out = append(out, paths(c, join(at, n.Content[i-1].Value))...)
		}
	}
	return out
}

// alertingKeys are the keys of the block alerting itself.
func alertingKeys() map[string]bool {
	keys := make(map[string]bool)
	for f := range reflect.TypeFor[alertingView]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			keys[name] = true
		}
	}
	return keys
}

func yamlKeys(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return yamlKeys(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	if t == reflect.TypeFor[yaml.Node]() || t.PkgPath() == "net/url" {
		return nil
	}
	var keys []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name != "" {
			keys = append(keys, name)
		}
		if f.IsExported() {
			keys = append(keys, yamlKeys(f.Type)...)
		}
	}
	return keys
}

func TestDefaults(t *testing.T) {
	files := inputs(t, "good.txtar")
	s := parse(t, string(files["minimal_intersight"])).Sources[0]
	want := Source{Name: "prod", API: session.Intersight, URL: "https://intersight.com", Timeout: 10 * time.Second,
		APIKey: &APIKey{ID: "59c84e4a16267c0001c23428/59cc595416267c0001a0dfc7/62b4b2f07564612d3398be43", SecretKeyFile: "/etc/iam/k.pem"},
		HTTP:   promconfig.HTTPClientConfig{EnableHTTP2: true}, Options: &IntersightOptions{intersight.Options{IdentityProviders: true}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got\n%v\nwant\n%v", s, want)
	}
	c := parse(t, string(files["minimal_oam"]))
	want = Source{Name: "sso", API: session.OAM, URL: "https://login.example.com", Timeout: 10 * time.Second, MinInterval: 30 * time.Second,
		HTTP: promconfig.HTTPClientConfig{EnableHTTP2: true,
			BasicAuth: &promconfig.BasicAuth{Username: "monitor", PasswordFile: "/etc/iam/pw"}},
		Options: &OAMOptions{oam.Options{IdleTimeout: 15 * time.Minute, SessionLifetime: 24 * time.Hour, MaxQueries: 200, MaxConcurrentQueries: 2}}}
	if !reflect.DeepEqual(c.Sources[0], want) {
		t.Errorf("got\n%v\nwant\n%v", c.Sources[0], want)
	}
	if want := (grouping.Labels{Role: grouping.Label{Limit: 50}, LoginType: grouping.Label{Limit: 10}, ClientIP: grouping.ClientIP{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}, IdentityStore: grouping.Label{Limit: 50}}); c.Labels != want {
		t.Errorf("labels %+v, want %+v", c.Labels, want)
	}
	if c.Networks != nil {
		t.Errorf("networks %v, want none", c.Networks)
	}
}

func TestZeroMeansOff(t *testing.T) {
	s := parse(t, string(inputs(t, "good.txtar")["minimal_oam"])+"    idle_timeout: 0\n    session_lifetime: 0s\n    min_interval: 0s\n").Sources[0]
	if opt := s.Options.(*OAMOptions); opt.IdleTimeout != 0 || opt.SessionLifetime != 0 || s.MinInterval != 0 {
		t.Errorf("%v; want IdleTimeout 0, SessionLifetime 0, MinInterval 0", s)
	}
}

func TestBaseURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://intersight.com":         "https://intersight.com",
		"https://intersight.com/":        "https://intersight.com",
		" HTTPS://Intersight.COM// ":     "https://intersight.com",
		"https://intersight.com:443/":    "https://intersight.com",
		"http://intersight.com:80":       "http://intersight.com",
		"http://intersight.com:443":      "http://intersight.com:443",
		"https://oam_1.example.com:1410": "https://oam_1.example.com:1410",
		"https://10.0.0.1:8443":          "https://10.0.0.1:8443",
		"https://[2001:DB8::1]":          "https://[2001:db8::1]",
		"https://[2001:db8::1]:443":      "https://[2001:db8::1]",
		"http://localhost:0":             "",
		"https://a.":                     "",
		"https://-a":                     "",
		"https://[::1":                   "",
		"https://::1":                    "",
		"https://[10.0.0.1]":             "",
		"https://a b":                    "",
		"https:intersight.com":           "",
		"//intersight.com":               "",
		"https://intersight.com?":        "",
		"https://intersight.com/#":       "",
		"https://intersight.com/api":     "",
	} {
		got, problem := baseURL(in)
		if problem != "" {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q (%s), want %q", in, got, problem, want)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Setenv("IAM_TEST_DIR", "/run/credentials")
	t.Setenv("IAM_TEST_NAME", "pw")
	for in, want := range map[string]string{
		"pw":                                "/etc/iam/pw",
		"./sub/../pw":                       "/etc/iam/pw",
		"../pw":                             "/etc/pw",
		"/abs/pw":                           "/abs/pw",
		"${IAM_TEST_DIR}/${IAM_TEST_NAME}":  "/run/credentials/pw",
		"x${IAM_TEST_NAME}${IAM_TEST_NAME}": "/etc/iam/xpwpw",
		"$IAM_TEST_NAME":                    "/etc/iam/$IAM_TEST_NAME",
		"a$$b$":                             "/etc/iam/a$$b$",
		"with blank":                        "/etc/iam/with blank",
	} {
		c := parse(t, `sources: [{name: a, api: oam, url: "https://a", basic_auth: {username: "${IAM_TEST_NAME}", password_file: "`+in+`"}}]`)
		if got := c.Sources[0].HTTP.BasicAuth.PasswordFile; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := c.Sources[0].HTTP.BasicAuth.Username; got != "${IAM_TEST_NAME}" {
			t.Errorf(`expanded outside a path: %q; want "${IAM_TEST_NAME}"`, got)
		}
	}
	// Every key that names a file is resolved, also where Prometheus's own
	// SetDirectory forgets one.
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(parse(t, string(data)).String()) {
		key, path, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if strings.HasSuffix(key, "_file") && !strings.HasPrefix(path, "/etc/iam/") {
			t.Errorf("%s is not resolved: %s", key, path)
		}
	}
	h := parse(t, string(data)).Sources[3].HTTP.HTTPHeaders.Headers["X-Gateway-Key"]
	if !slices.Equal(h.Files, []string{"/etc/iam/gateway-key"}) {
		t.Errorf("files %v; want %v", h.Files, []string{"/etc/iam/gateway-key"})
	}
}

func TestOAuth2Inherits(t *testing.T) {
	const head = "sources:\n  - name: a\n    api: oam\n    url: https://a.example.com:8443\n" +
		"    tls_config: {ca_file: ca.pem, server_name: a, insecure_skip_verify: true}\n    proxy_url: http://proxy.example.com\n    oauth2:\n" +
		"      client_id: c\n      client_secret_file: s\n"
	tests := map[string]struct {
		more  string
		tls   promconfig.TLSConfig
		proxy bool
	}{
		"same host": {"      token_url: https://A.example.com/t\n",
			promconfig.TLSConfig{CAFile: "/etc/iam/ca.pem", ServerName: "a", InsecureSkipVerify: true}, true},
		"other host": {"      token_url: https://idp.example.com/t\n",
			promconfig.TLSConfig{CAFile: "/etc/iam/ca.pem"}, true},
		"own": {"      token_url: https://a.example.com/t\n      tls_config: {}\n      proxy_from_environment: false\n",
			promconfig.TLSConfig{}, false},
	}
	for name, tt := range tests {
		o := parse(t, head+tt.more).Sources[0].HTTP.OAuth2
		if o.TLSConfig != tt.tls {
			t.Errorf("%s: %+v, want %+v", name, o.TLSConfig, tt.tls)
		}
		if got := o.ProxyURL.URL != nil; got != tt.proxy {
			t.Errorf("%s: proxy %v, want %v", name, got, tt.proxy)
		}
	}
	s := parse(t, "sources: [{name: a, api: intersight, url: https://a:8443/, oauth2: {client_id: c, client_secret_file: s}}]").Sources[0]
	if got, want := s.HTTP.OAuth2.TokenURL, "https://a:8443/iam/token"; got != want {
		t.Errorf("token_url %q, want %q", got, want)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "iam.yml")
	if err := os.WriteFile(path, inputs(t, "good.txtar")["minimal_oam"], 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Sources[0].HTTP.BasicAuth.PasswordFile, filepath.Join(dir, "pw"); got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yml"): "cannot be read: no such file or directory",
		dir:                            "cannot be read: is not a regular file",
	} {
		_, err := Load(path)
		if err == nil || err.Error() != path+": "+want {
			t.Errorf("%v, want %s", err, want)
		}
		if _, ok := errors.AsType[Errors](err); !ok {
			t.Errorf("%T is not Errors", err)
		}
	}
}

// cpuTime is what this process has computed: other than the time of day, it does
// not run faster the busier the machine is.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Whatever a file holds, it is refused or read at once.
func TestHostileFiles(t *testing.T) {
	const size = maxBytes / 8
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	bombs := map[string]string{
		"brackets":      repeat("["),
		"braces":        repeat("{a: "),
		"dashes":        repeat("- "),
		"questions":     repeat("? "),
		"indents":       repeat("a:\n "),
		"list":          "sources: [" + repeat("x,") + "]",
		"sources":       "sources:\n" + repeat("- {}\n"),
		"keys":          "sources:\n- name: a\n" + repeat("  a: 1\n"),
		"anchors":       "sources:\n" + repeat("- &a {a: *a}\n"),
		"long text":     "sources: [{name: " + repeat("x") + "}]",
		"long key":      repeat("x") + ": 1",
		"quotes":        `"` + repeat(`\"`),
		"comments":      repeat("#\n"),
		"comments in":   "sources:\n" + repeat("  # x\n") + "  - name: a\n",
		"empty lines":   repeat("\n"),
		"documents":     repeat("---\n"),
		"networks":      "networks:\n  a: [" + repeat("10.0.0.0/8,") + "]",
		"merges":        "sources:\n- &a {x: 1}\n" + repeat("- <<: *a\n"),
		"wide merge":    "x: &a {a: 1, b: 2}\nsources:\n- <<: [" + repeat("*a,") + "]",
		"stores":        "sources:\n- {name: a, api: oam, identity_stores: [" + repeat("a,") + "]}",
		"tags":          repeat("!a "),
		"tag directive": repeat("%TAG ! x\n"),
		"too large":     strings.Repeat("#", maxBytes+1),
	}
	for name, text := range bombs {
		start := cpuTime(t)
		_, err := Parse([]byte(text), "iam.yml", "/etc/iam")
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if n := len(err.Error()); n > 200_000 {
			t.Errorf("%s: an error of %d bytes; want at most 200000", name, n)
		}
		if took := cpuTime(t) - start; took > 3*time.Second {
			t.Errorf("%s: took %v; want at most %v", name, took, 3*time.Second)
		} else if took > 200*time.Millisecond {
			t.Logf("%s: took %v", name, took)
		}
	}
}

func TestManyNetworks(t *testing.T) {
	var b strings.Builder
	b.Write(inputs(t, "good.txtar")["minimal_oam"])
	b.WriteString("networks:\n")
	for i := range 10_000 {
		b.WriteString("  n" + strings.Repeat("x", i%3) + strconv.Itoa(i) + ": [10." + strconv.Itoa(i/256) + "." + strconv.Itoa(i%256) + ".0/24]\n")
	}
	c := parse(t, b.String())
	if len(c.Networks) != 10_000 || c.Networks[1].Name != "nx1" || c.Networks[1].Prefix.String() != "10.0.1.0/24" {
		t.Errorf(`%d networks, %v; want 10000, Name "nx1", c.Networks[1].Prefix.String() "10.0.1.0/24"`, len(c.Networks), c.Networks[1])
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "url", "timeout", "min_interval", "api_key", "password_file", "labels"}
	for word, want := range map[string]string{
		"nmae": "name", "uri": "url", "Timeout": "timeout", "time_out": "timeout", "minInterval": "min_interval",
		"apikey": "api_key", "label": "labels", "passwordfile": "password_file",
		"x": "", "colour": "", "": "", strings.Repeat("n", 50): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
