package testkit

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Get asks a handler for a target, with headers as pairs of name and value.
func Get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	return ask(h, httptest.NewRequest(http.MethodGet, target, nil), header)
}

// Post posts JSON to a handler and accepts JSON, unless a header says otherwise.
func Post(h http.Handler, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	return ask(h, r, header)
}

func ask(h http.Handler, r *http.Request, header []string) *httptest.ResponseRecorder {
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// GetJSON asks a server for JSON, and reads it into a pointer.
func GetJSON(t testing.TB, url string, into any) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}
