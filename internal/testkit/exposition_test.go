package testkit

import "testing"

func TestValue(t *testing.T) {
	const page = `# HELP a_total Counts.
# TYPE a_total counter
a_total{x="1",y="say \"}\""} 3
a_total{x="2"} 1e+06
# TYPE h histogram
h_bucket{le="1"} 2
h_bucket{le="+Inf"} 5
h_sum 7.5
h_count 5
plain 0
`
	for series, want := range map[string]string{
		`a_total{x="1",y="say \"}\""}`: "3", `a_total{y="say \"}\"",x="1"}`: "3", `a_total{x="2"}`: "1000000",
		`h_bucket{le="1"}`: "2", `h_bucket{le="+Inf"}`: "5", "h_sum": "7.5", "h_count": "5", "plain": "0",
		"a_total": "", `a_total{x="1"}`: "", "h": "", "other": "",
	} {
		if got := Value(page, series); got != want {
			t.Errorf("%s is %q, want %q", series, got, want)
		}
	}
	if got := Value("Internal Server Error", "plain"); got != "" {
		t.Errorf("a page that is no exposition has a sample: %q", got)
	}
}
