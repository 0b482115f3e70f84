package test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

type input struct {
	name string
	data []byte
}

// corpus returns the configurations of config's own tests, those of the files that
// match a pattern; which is 0 for what is written, 1 for what is expected of it.
func corpus(t testing.TB, pattern string, which int) []input {
	t.Helper()
	files, err := filepath.Glob("../testdata/" + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: got %v, %v, want files", pattern, files, err)
	}
	var all []input
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := which; i < len(a.Files); i += 2 {
			all = append(all, input{strings.TrimSuffix(filepath.Base(file), ".txtar") + "/" + strings.Split(a.Files[i].Name, ".")[0], a.Files[i].Data})
		}
	}
	return all
}

// The schema accepts what the parser accepts, and what the exporter prints of it.
func TestGood(t *testing.T) {
	s := schemaOf(t)
	for which, what := range []string{"written", "printed"} {
		for _, in := range corpus(t, "good.txtar", which) {
			v, err := toJSON(in.data)
			if err != nil {
				t.Fatal(err)
			}
			if got := refusals(s, v); len(got) > 0 {
				t.Errorf("%s, %s: got %v, want none", in.name, what, got)
			}
		}
	}
}

// The schema refuses what the parser refuses, at the same place, except the
// mistakes that a schema can't see.
func TestBad(t *testing.T) {
	s := schemaOf(t)
	unseen := map[string]bool{}
	for _, in := range corpus(t, "bad/*.txtar", 0) {
		mistakes, c := parse(in.data)
		if c != nil {
			t.Fatalf("%s: accepted by the parser", in.name)
		}
		v, err := toJSON(in.data)
		if err != nil {
			continue // it is not YAML, as every editor says
		}
		seen := refusals(s, v)
		for _, p := range slices.Sorted(maps.Keys(mistakes)) {
			entry := in.name + " " + p
			refused := sees(seen, p)
			if other, ok := elsewhere[entry]; ok && !refused {
				refused = sees(seen, other)
			}
			_, excused := unseeable[entry]
			switch {
			case !refused && !excused:
				t.Errorf("%s: the schema does not refuse it; the parser says %s", entry, mistakes[p])
			case refused && excused:
				t.Errorf("%s: the schema refuses it (%v); it is no exception", entry, seen)
			}
			unseen[entry] = true
		}
		for p := range seen {
			if !near(mistakes, p) {
				t.Errorf("%s: the schema refuses %s (%s), where the parser finds nothing: %v", in.name, p, seen[p], mistakes)
			}
		}
	}
	for entry := range unseeable {
		if !unseen[entry] {
			t.Errorf("%s is an exception, but no mistake of the corpus", entry)
		}
	}
}

// sees reports whether a mistake is found at a path, or in an element of the list
// there.
func sees(found map[string]string, path string) bool {
	if _, ok := found[path]; ok {
		return true
	}
	for p := range found {
		if strings.HasSuffix(p, "]") && parent(p) == path {
			return true
		}
	}
	return false
}

// near reports whether a mistake is found at a path, or in what holds it, or beside
// it, such as a secret that is not in a file.
func near(found map[string]string, path string) bool {
	for p := range found {
		if p == path || p == parent(path) || parent(p) == parent(path) || parent(p) == path || p == parent(parent(path)) {
			return true
		}
	}
	return false
}

// elsewhere are mistakes that the schema finds at another place.
var elsewhere = map[string]string{
	"alerting/alerting_empty alerting.key_file":     "alerting",
	"document/source_not_a_mapping sources[1].name": "sources[1]",
	"document/source_not_a_mapping sources[1].api":  "sources[1]",
	"document/source_not_a_mapping sources[1].url":  "sources[1]",
	"urls/proxy sources[2].no_proxy":                "sources[2].proxy_url",
	"urls/proxy sources[2].proxy_connect_header":    "sources[2].proxy_url",
	"urls/proxy sources[3].no_proxy":                "sources[3].proxy_url",
}

// Why a schema can't see a mistake.
const (
	yamlItself  = "how the YAML is written is lost in the value that a schema sees"
	reference   = "it refers to a name that is elsewhere in the file"
	repeated    = "it is the same as something in another list or under another key"
	arithmetic  = "it takes arithmetic with values"
	environment = "it depends on the environment or the time"
	byName      = "whether a name looks like that of a secret is no pattern"
	inherited   = "it depends on what another block leaves on"
	timeZones   = "which time zones there are is not in the schema"
	looseHost   = "a host whose last label is a number must be an address, which the pattern leaves out"
)

// unseeable are the mistakes of the corpus that no schema can see, and why.
var unseeable = map[string]string{
	"alerting/alerting_hold alerting.hold":                                               arithmetic,
	"alerting/alerting_hold_default alerting.hold":                                       arithmetic,
	"alerting/alerting_values alerting.labels.token":                                     byName,
	"alerting/alerting_values alerting.shared_networks":                                  reference,
	"alerting/alerting_expect alerting.detections.unexpected_network.expect[2].networks": reference,
	"alerting/alerting_hours alerting.detections.off_hours.hours.time_zone":              timeZones,
	"alerting/alerting_hours_equal alerting.detections.off_hours.hours.to":               arithmetic,
	"alerting/alerting_exceptions alerting.exceptions[2].until":                          environment,
	"alerting/alerting_exceptions alerting.exceptions[5].networks":                       reference,
	"alerting/alerting_exceptions alerting.exceptions[5].sources":                        reference,
	"alerting/alerting_exceptions alerting.exceptions[6].until":                          environment,
	"alerting/alertmanagers alerting.alertmanagers[1].url":                               repeated,
	"alerting/alertmanagers alerting.alertmanagers[9].url":                               repeated,
	"alerting/alerting_sources sources[0].alerting.detections.impersonation":             inherited,
	"alerting/alerting_sources sources[1].alerting.detections.login_after_failures":      inherited,
	"alerting/alerting_sources sources[1].alerting.shared_networks":                      reference,
	"authentication/headers sources[0].http_headers.x-empty":                             repeated,
	"document/all_at_once networks.hq[0]":                                                arithmetic,
	"filters/filter_kinds sources[1].filter":                                             yamlItself,
	`labels/networks networks."head office"[1]`:                                          arithmetic,
	"labels/networks networks.hostbits[0]":                                               arithmetic,
	"labels/networks networks.hostbits[1]":                                               arithmetic,
	"labels/networks networks.mapped[0]":                                                 repeated,
	"labels/networks networks.mapped[1]":                                                 arithmetic,
	"labels/networks_same_prefix networks.vpn[0]":                                        repeated,
	"labels/networks_same_prefix networks.vpn[1]":                                        repeated,
	"labels/networks_same_prefix networks.vpn[2]":                                        repeated,
	"names/duplicate_source sources[1].name":                                             repeated,
	"numbers/timeout_overflow sources[0].timeout":                                        arithmetic,
	"numbers/integers_notation sources[0].max_queries":                                   yamlItself,
	"secrets/inline_secrets sources[4].http_headers.Cookie.values":                       byName,
	"secrets/inline_secrets sources[4].http_headers.X-Api-Key.values":                    byName,
	"secrets/inline_secrets sources[5].oauth2.claims.deep[0].client_secret":              byName,
	"secrets/inline_secrets sources[5].oauth2.claims.token":                              byName,
	"secrets/inline_secrets sources[5].oauth2.endpoint_params.password":                  byName,
	"secrets/paths sources[0].basic_auth.password_file":                                  environment,
	"secrets/paths sources[0].tls_config.ca_file":                                        environment,
	"secrets/paths sources[3].http_headers.X-A.files[0]":                                 environment,
	"urls/urls sources[12].url":                                                          looseHost,
	"urls/proxy sources[2].proxy_connect_header.Proxy-Authorization":                     byName,
	"yaml/binary_tag sources[0].name":                                                    yamlItself,
	"yaml/custom_tag sources[0].name":                                                    yamlItself,
	"yaml/syntax_after_end ":                                                             yamlItself,
	"yaml/too_deep ":                                                                     yamlItself,
	"yaml/two_documents ":                                                                yamlItself,
	"yaml/many ":                                                                         "it is a number of mistakes",
}
