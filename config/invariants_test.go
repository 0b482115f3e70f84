package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	promconfig "github.com/prometheus/common/config"
	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
)

// invariants are what the rest of the program relies on.
func invariants(t *testing.T, c *Config) {
	t.Helper()
	check := func(ok bool, what string, args ...any) {
		t.Helper()
		if !ok {
			t.Errorf("%s\n%v", fmt.Sprintf(what, args...), c)
		}
	}
	check(len(c.Sources) > 0, "no source")
	name := regexp.MustCompile(`^[a-zA-Z0-9_.:-]{1,128}$`)
	names := make(map[string]bool)
	for _, s := range c.Sources {
		check(name.MatchString(s.Name), "name %q", s.Name)
		check(!names[s.Name], "name %q twice", s.Name)
		names[s.Name] = true

		u, err := url.Parse(s.URL)
		check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil, "url %q", s.URL)
		check(s.URL == u.Scheme+"://"+u.Host && s.URL == strings.ToLower(s.URL), "url %q is more than scheme, host and port", s.URL)
		check(s.Timeout > 0 && s.MinInterval >= 0, "durations %v %v", s.Timeout, s.MinInterval)

		ways := 0
		for _, given := range []bool{s.APIKey != nil, s.HTTP.BasicAuth != nil, s.HTTP.Authorization != nil, s.HTTP.OAuth2 != nil} {
			if given {
				ways++
			}
		}
		h := s.HTTP
		switch s.API {
		case session.Intersight:
			check(ways <= 1, "%d ways to authenticate", ways)
			opt := s.Options.(*IntersightOptions)
			filterInvariants(check, opt.Filter, intersight.FilterKeys(), maxFilterValues)
			filterInvariants(check, opt.Exclude, intersight.FilterKeys(), maxFilterValues)
		case session.OAM:
			check(s.APIKey == nil && ways <= 1, "%d ways to authenticate", ways)
			opt := s.Options.(*OAMOptions)
			filterInvariants(check, opt.Filter, oam.FilterKeys(), 1)
			check(opt.IdleTimeout >= 0 && opt.SessionLifetime >= 0 && opt.MaxSessionsPerUser >= 0, "negative")
			check(opt.MaxQueries >= 1 && opt.MaxQueries <= 10000 && opt.MaxConcurrentQueries >= 1 && opt.MaxConcurrentQueries <= 16, "queries")
			stores := make(map[string]bool)
			for _, store := range opt.IdentityStores {
				check(store != "" && !stores[store], "store %q", store)
				stores[store] = true
			}
		default:
			check(false, "api %q", s.API)
		}
		if k := s.APIKey; k != nil {
			check((k.ID == "") != (k.IDFile == "") && k.SecretKeyFile != "", "api key %+v", *k)
		}
		check(!h.FollowRedirects, "follows redirects")
		check(validate(&h) == nil, "HTTP config: %v", validate(&h))
		check(noInlineSecret(h), "inline secret")
		if h.OAuth2 != nil {
			check(h.OAuth2.TokenURL != "" && h.OAuth2.ClientID != "", "oauth2")
		}
		one, two := s.Fingerprint(), s.Fingerprint()
		check(len(one) == 64 && one == two, "fingerprint")
	}
	for _, limit := range []int{c.Labels.Role.Limit, c.Labels.ClientIP.Limit, c.Labels.IdentityStore.Limit} {
		check(limit >= 1 && limit <= 10000, "limit %d", limit)
	}
	check(c.Labels.ClientIP.IPv4Prefix >= 1 && c.Labels.ClientIP.IPv4Prefix <= 32, "ipv4_prefix")
	check(c.Labels.ClientIP.IPv6Prefix >= 1 && c.Labels.ClientIP.IPv6Prefix <= 128, "ipv6_prefix")
	prefixes := make(map[netip.Prefix]bool)
	for _, n := range c.Networks {
		check(n.Prefix.IsValid() && n.Prefix == n.Prefix.Masked() && !n.Prefix.Addr().Is4In6() && !prefixes[n.Prefix], "prefix %v", n.Prefix)
		prefixes[n.Prefix] = true
		check(n.Name != "" && len(n.Name) <= 128 && utf8.ValidString(n.Name) && !hasControl(n.Name), "network %q", n.Name)
		check(n.Name != "other" && n.Name != "unknown" && n.Name != "none" && n.Name != "invalid", "network %q", n.Name)
	}
	if c.Alerting != nil {
		alertingInvariants(t, c)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
	if _, err := yaml.Marshal(c); err != nil {
		t.Error(err)
	}
}

func filterInvariants(check func(bool, string, ...any), f session.Filter, keys []string, most int) {
	for i, c := range f {
		check(slices.Contains(keys, c.Key) && !slices.Contains(f[:i].Keys(), c.Key), "filter key %q", c.Key)
		check(len(c.Values) >= 1 && len(c.Values) <= most, "%d values of %q", len(c.Values), c.Key)
		for j, v := range c.Values {
			check(v != "" && len(v) <= maxFilterBytes && !hasControl(v) && !slices.Contains(c.Values[:j], v), "filter value %q", v)
			check(c.Key != "is_impersonating" || v == "true" || v == "false", "is_impersonating %q", v)
		}
	}
}

// alertingInvariants are those of the block alerting.
func alertingInvariants(t *testing.T, c *Config) {
	t.Helper()
	a := c.Alerting
	check := func(ok bool, what string, args ...any) {
		t.Helper()
		if !ok {
			t.Errorf("%s\n%v", fmt.Sprintf(what, args...), c)
		}
	}
	check(a.KeyFile != "" && len(a.Alertmanagers) <= 16, "key file %q, %d Alertmanagers", a.KeyFile, len(a.Alertmanagers))
	urls := make(map[string]bool)
	for _, m := range a.Alertmanagers {
		u, err := url.Parse(m.URL)
		check(err == nil && u.Host != "" && u.User == nil && !strings.HasSuffix(m.URL, "/") && !urls[m.URL], "url %q", m.URL)
		urls[m.URL] = true
		check(m.Timeout >= time.Second && !m.HTTP.FollowRedirects && validate(&m.HTTP) == nil && noInlineSecret(m.HTTP), "HTTP of %q", m.URL)
	}
	for _, d := range []time.Duration{a.Interval, a.ResendDelay, a.Hold, a.KeepFiringFor} {
		check(d >= time.Second, "duration %s", d)
	}
	check(a.Hold >= a.KeepFiringFor+2*max(a.Interval, a.ResendDelay) && a.MaxAlerts >= 1, "hold %s, max_alerts %d", a.Hold, a.MaxAlerts)
	for _, x := range a.Exceptions {
		check(len(x.Users)+len(x.Roles)+len(x.IdentityStores)+len(x.Networks) > 0 && x.Reason != "" && !x.Until.IsZero(), "exception %v", x)
	}
	for _, s := range c.Sources {
		set := c.Detection(s, nil, "")
		if set == nil {
			continue
		}
		for _, d := range detection.All() {
			tuned := d.Tune(set.Detections[d.Key])
			for _, v := range []detection.Tuning{tuned.General, tuned.Privileged} {
				check(v.Max >= 0 && v.For >= 0 && v.Warning >= 0 && v.Critical >= 0, "%s: %+v", d.Key, v)
				check(v.Hours == nil || v.Hours.Zone != nil && v.Hours.From != v.Hours.To, "%s: %+v", d.Key, v.Hours)
			}
		}
	}
}

// noInlineSecret walks the HTTP config for texts of Prometheus's secret type.
func noInlineSecret(c promconfig.HTTPClientConfig) bool {
	c.ProxyConnectHeader = nil // refused by name
	if c.OAuth2 != nil {
		o := *c.OAuth2
		o.ProxyConnectHeader = nil
		c.OAuth2 = &o
	}
	return !holdsSecret(reflect.ValueOf(c))
}

func holdsSecret(v reflect.Value) bool {
	if v.Type() == reflect.TypeFor[promconfig.Secret]() {
		return v.String() != ""
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && holdsSecret(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && (holdsSecret(v.Field(i)) || strings.HasSuffix(v.Type().Field(i).Name, "Ref") && !v.Field(i).IsZero()) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if holdsSecret(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if holdsSecret(v.MapIndex(k)) {
				return true
			}
		}
	}
	return false
}
