package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestServiceDiscoveryWithAnExternalURL(t *testing.T) {
	_, h, _ := serve(t, map[string]source{"a": listed(1, true)})
	for _, c := range []struct {
		external, target string
		labels           map[string]string
	}{
		{"https://exporter.example.com:8443/iam/", "exporter.example.com:8443", map[string]string{"__scheme__": "https", "__metrics_path__": "/iam/probe"}},
		{"http://exporter.example.com", "exporter.example.com", map[string]string{"__scheme__": "http", "__metrics_path__": "/probe"}},
		{"", "host.example.com:1", map[string]string{"__metrics_path__": "/probe"}},
	} {
		external, err := ParseExternalURL(c.external)
		if err != nil {
			t.Fatal(err)
		}
		h.opt.ExternalURL = external
		r := httptest.NewRequest(http.MethodGet, "/sd", nil)
		r.Host = "host.example.com:1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got []targetGroup
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		maps.Copy(c.labels, map[string]string{"__param_source": "a", "__meta_iam_source": "a", "__meta_iam_api": "intersight"})
		if len(got) != 1 || len(got[0].Targets) != 1 || got[0].Targets[0] != c.target || !maps.Equal(got[0].Labels, c.labels) {
			t.Errorf("%q: got %v, want %s with %v", c.external, got, c.target, c.labels)
		}
	}
}

func TestParseExternalURL(t *testing.T) {
	for s, ok := range map[string]bool{
		"": true, "http://h": true, "https://h:1/a/b/": true, "h": false, "h:1": false, "/path": false, "ftp://h": false, "http://": false,
		"http://u:p@h": false, "http://h?x": false, "http://h#x": false, "http://h/%zz": false,
	} {
		if _, err := ParseExternalURL(s); (err == nil) != ok {
			t.Errorf("%q: %v; want no error: %v", s, err, ok)
		}
	}
}
