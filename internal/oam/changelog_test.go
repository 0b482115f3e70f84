package oam

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-kit/log"
)

// Whatever refreshes meet again and again, or in turn, is logged when it begins and
// when it is over.
func TestTroubleIsLoggedOnce(t *testing.T) {
	good := &answer{total: 500, rows: make([]row, window)}
	odd := &answer{total: 500, rows: append([]row{{odd: true}}, make([]row, window-1)...)}
	short := &answer{total: 500, rows: make([]row, 3)}
	for name, meet := range map[string]func(*changeLog){
		"times":    func(n *changeLog) { n.look(odd) },
		"rows":     func(n *changeLog) { n.look(short) },
		"checks":   func(n *changeLog) { n.untrusted("total_capped") },
		"searches": func(n *changeLog) { n.unanswered(2, errors.New("HTTP 502")) },
		"links":    func(n *changeLog) { n.links(true) },
	} {
		var out bytes.Buffer
		n := &changeLog{logger: log.NewLogfmtLogger(&out)}
		fine := func() { n.look(good); n.unanswered(0, nil); n.links(false) }
		for range 10 {
			meet(n)
			meet(n)
			fine()
		}
		for range 10 {
			fine()
		}
		if s := out.String(); strings.Count(s, "level=warn") != 1 || strings.Count(s, "level=info") != 1 || strings.Index(s, "level=warn") != 0 {
			t.Errorf("%s: got %s, want one warning, then one info", name, s)
		}
	}
	// Another check is worth a line.
	var out bytes.Buffer
	n := &changeLog{logger: log.NewLogfmtLogger(&out)}
	for _, check := range []string{"total_capped", "total_capped", "listed_exceeds_total"} {
		n.untrusted(check)
	}
	if strings.Count(out.String(), "level=warn") != 2 {
		t.Errorf("got %s, want 2 warnings", out.String())
	}
}
