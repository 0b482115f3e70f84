package intersight

import (
	"strings"
	"testing"
)

// Later pages may be as large as one answer may be, whatever the size of the first.
func TestLaterPagesMayBeLarger(t *testing.T) {
	for _, large := range []int{1000, 2500, 4500} {
		all := rows(4900)
		for i := large; i < min(large+1500, len(all)); i++ {
			all[i] = strings.Replace(all[i], `"ClassId":"iam.Session"`, `"Tags":"`+strings.Repeat("x", 12_000)+`"`, 1)
		}
		f := newFakeAPI(t, all...)
		snap := newBench(t, f.url).snapshot(t)
		if len(snap.Sessions) != len(all) || !snap.Complete {
			t.Errorf("large from row %d: %d sessions, complete %t; want %d", large, len(snap.Sessions), snap.Complete, len(all))
		}
		if n := len(f.requests(sessionsPath)); n > 12 {
			t.Errorf("large from row %d: %d requests; want at most 12", large, n)
		}
	}
}
