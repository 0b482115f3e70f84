package intersight

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/testkit"
)

// A gateway that repeats what it was sent, in any field of an error, brings no
// credential to errors, logs or traces, not even one that looks like a trace id.
func TestEchoedCredentials(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef" // as Intersight's client secrets are, and trace ids
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	file := writeFile(t, "secret", secret)
	for name, auth := range map[string]promconfig.HTTPClientConfig{
		"bearer token": {Authorization: &promconfig.Authorization{Type: "Bearer", CredentialsFile: file}},
		"basic auth":   {BasicAuth: &promconfig.BasicAuth{Username: "monitor", PasswordFile: file}},
		"header":       {HTTPHeaders: &promconfig.Headers{Headers: map[string]promconfig.Header{"X-Api-Key": {Files: []string{file}}}}},
		"oauth2":       {OAuth2: &promconfig.OAuth2{ClientID: "c", ClientSecretFile: file}},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprint(name, http2), func(t *testing.T) {
				mux := http.NewServeMux()
				mux.HandleFunc("POST /iam/token", func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":600}`, secret)
				})
				mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
					sent := secretOf(r)
					if !strings.Contains(sent, secret) {
						t.Errorf("%s %s was sent without its secret: %v; sent = %v, want %q in it", r.Method, r.URL.Path, r.Header, sent, secret)
					}
					w.Header().Set("X-Starship-Traceid", sent)
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprintf(w, `{"code":%q,"traceId":%q,"message":%[2]q,"messageParams":{"1":%[2]q}}`, sent, strings.ToUpper(sent))
				})
				srv := httptest.NewUnstartedServer(mux)
				srv.EnableHTTP2 = http2
				srv.StartTLS()
				defer srv.Close()
				auth.TLSConfig.InsecureSkipVerify = true
				auth.EnableHTTP2 = http2
				if auth.OAuth2 != nil {
					auth.OAuth2.TokenURL, auth.OAuth2.TLSConfig = srv.URL+"/iam/token", auth.TLSConfig
				}
				shown := everythingShown(t, srv.URL, auth)
				if strings.Contains(strings.ToLower(shown), secret) || strings.Contains(shown, secret[:16]) || strings.Contains(shown, "bW9uaXRvcj") {
					t.Errorf("shown:\n%s", shown)
				}
				if !strings.Contains(shown, "404") {
					t.Errorf("lacks the status; want \"404\" in it:\n%s", shown)
				}
			})
		}
	}
	t.Run("its own trace id", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Starship-Traceid", trace)
			w.WriteHeader(http.StatusNotFound)
		}))
		defer srv.Close()
		if shown := everythingShown(t, srv.URL, promconfig.HTTPClientConfig{}); !strings.Contains(shown, trace) {
			t.Errorf("lacks the trace id; want %q in it:\n%s", trace, shown)
		}
	})
}

// secretOf is what a request's headers hold, as a gateway may log it.
func secretOf(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// everythingShown is what errors, logs at debug level and traces hold of two
// refreshes.
func everythingShown(t *testing.T, url string, auth promconfig.HTTPClientConfig) string {
	t.Helper()
	var out testkit.Buffer
	s, err := New(Config{Name: "test", URL: url, HTTP: auth, UserAgent: "test", Logger: log.NewLogfmtLogger(&out), Hasher: session.NewHasher()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(session.WithTrace(context.Background(), &session.Trace{
		Request:  func(r session.Request) { fmt.Fprintln(&out, r.What, r.Code, r.Err) },
		Decision: func(d string) { fmt.Fprintln(&out, d) },
	}), 10*time.Second)
	defer cancel()
	for range 2 {
		_, err := s.Snapshot(ctx, session.Want{})
		fmt.Fprintf(&out, "%v %+v\n", err, err)
	}
	return out.String()
}

// What is sent holds nothing that an answer could bring back by other ways than
// its own fields.
func TestNoEchoOfAnEncodedSecret(t *testing.T) {
	const password = "0123456789abcdef0123456789abcdef"
	file := writeFile(t, "secret", password)
	var sent []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encoded, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
		plain, _ := base64.StdEncoding.DecodeString(encoded)
		sent = append(sent, string(plain))
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"code":"InvalidRequest","traceId":%q,"message":"'%s'"}`, encoded, plain)
	}))
	defer srv.Close()
	shown := everythingShown(t, srv.URL, promconfig.HTTPClientConfig{BasicAuth: &promconfig.BasicAuth{Username: "monitor", PasswordFile: file}})
	if !slices.Contains(sent, "monitor:"+password) {
		t.Fatalf("sent %q, want %q among them", sent, "monitor:"+password)
	}
	if strings.Contains(shown, password[:8]) || strings.Contains(shown, "bW9uaXRvcj") {
		t.Errorf("shown:\n%s", shown)
	}
}
