package httpclient

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// An id that has something in common with any secret of the source is withheld, be
// it one that the request did not hold.
func TestIDsThatHoldSecretsAreWithheld(t *testing.T) {
	const secret, old, token = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210", "aaaabbbbccccddddeeeeffff00001111"
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	clk := newClock()
	issue := old
	var echo string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":%q,"expires_in":60}`, issue)
			return
		}
		w.Header().Set("X-Id", echo)
		w.WriteHeader(http.StatusNotFound)
	})
	explain := func(cfg *Config) {
		cfg.Explain = func(h http.Header, _ []byte) string { return "id " + h.Get("X-Id") }
		cfg.Now = clk.Now
	}
	oauth2 := newClient(t, s.URL, func(cfg *Config) {
		oauth(s.URL+"/token", file(t, secret))(cfg)
		explain(cfg)
	})
	basic := newClient(t, s.URL, func(cfg *Config) { basicAuth(file(t, "deadbeefcafe"))(cfg); explain(cfg) })
	shown := func(c *Client, answer string) string {
		echo = answer
		_, err := c.Endpoint().Do(soon(t), get)
		if err == nil || !strings.Contains(err.Error(), "404") {
			t.Fatal(err)
		}
		return err.Error()
	}
	shown(oauth2, id) // with the old token
	issue = token
	clk.Advance(time.Hour)
	for _, c := range []struct {
		client   *Client
		answer   string
		withheld bool
	}{
		{oauth2, id, false},
		{oauth2, secret, true},
		{oauth2, strings.ToUpper(secret), true},
		{oauth2, secret[8:24], true},
		{oauth2, id[:12] + secret[3:11] + id[:12], true},
		{oauth2, token, true},
		{oauth2, old, true},
		{basic, id, false},
		{basic, "0000" + "deadbeefcafe", true},
		{basic, "DEADBEEFCAFE" + "0123", true},
	} {
		if text := shown(c.client, c.answer); strings.Contains(text, "(withheld)") != c.withheld || strings.Contains(text, c.answer) == c.withheld {
			t.Errorf("%s: %s; want it withheld: %v", c.answer, text, c.withheld)
		}
	}
}
