package intersight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// queries returns "skip" of each page asked for, and checks what never changes.
func queries(t *testing.T, f *fakeAPI) []string {
	t.Helper()
	const begin = sessionsPath + "?$select=Moid,CreateTime,EndTime,Status,Role,UserIdOrEmail,User,ClientIpAddress," +
		"Expiration,IdleTimeExpiration,LastLoginTime,FailedLogins,LoginType&$orderby=Moid&$inlinecount=allpages&$top=1000&$skip="
	var skips []string
	for _, a := range f.requests(sessionsPath) {
		if !strings.HasPrefix(a, begin) {
			t.Errorf("asked %s; want %q before it", a, begin)
		}
		skips = append(skips, a[min(len(begin), len(a)):])
	}
	return skips
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		n, pageCap int
		skips      string
	}{
		"none":                   {0, 0, "0"},
		"one":                    {1, 0, "0 1"},
		"few":                    {3, 0, "0 2"},
		"a page":                 {1000, 0, "0 999"},
		"a page and one":         {1001, 0, "0 999"},
		"many":                   {3500, 0, "0 999 1998 2997"},
		"capped at 100":          {250, 100, "0 99 198"},
		"capped, ends with page": {199, 100, "0 99 198"},
		"capped at 2":            {4, 2, "0 1 2 3"},
		"capped at 1":            {3, 1, "0 1 2 3 0 1 2 3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(c.n)...)
			f.pageCap = c.pageCap
			b := newBench(t, f.url+"/")
			b.concurrent = 1
			snap := b.snapshot(t)
			if len(snap.Sessions) != c.n || snap.Total != c.n || snap.Reported != c.n || snap.Complete != (c.pageCap != 1) {
				t.Errorf("%d sessions, total %d, reported %d, complete %t; want %d, %d, %d, %v", len(snap.Sessions), snap.Total, snap.Reported, snap.Complete, c.n, c.n, c.n, c.pageCap != 1)
			}
			if got := strings.Join(queries(t, f), " "); got != c.skips {
				t.Errorf("pages at %s, want %s", got, c.skips)
			}
			for i, s := range snap.Sessions {
				if s.ID != b.cfg.Hasher.Key(moid(i)) || s.Status != session.Active || s.User != b.cfg.Hasher.Key(fmt.Sprintf("5a58c41a3768393836%06x", i/2)) {
					t.Fatalf("session %d: %+v; want Status %v", i, s, session.Active)
				}
			}
			if !snap.Taken.Equal(noon) || snap.Impersonating != nil || snap.Drift != nil {
				t.Errorf("%+v; want it taken at %s, nothing of impersonation and no drift", snap, noon)
			}
			if len(snap.Resolved) != 3 || !snap.Resolved[session.DimensionRole].Listed || !snap.Resolved[session.DimensionClientIP].Listed ||
				!snap.Resolved[session.DimensionLoginType].Listed {
				t.Errorf("resolved %+v; want len 3", snap.Resolved)
			}
		})
	}
}

// What moves between two pages is noticed, and the list taken once more.
func TestMovingList(t *testing.T) {
	remove := func(i int) func([]string) []string {
		return func(r []string) []string { return slices.Delete(r, i, i+1) }
	}
	insert := func(at, id int) func([]string) []string {
		return func(r []string) []string { return slices.Insert(r, at, row(id)) }
	}
	for name, c := range map[string]struct {
		before   map[int]func([]string) []string // the page it happens before
		skips    string
		listed   int
		reported int
		complete bool
	}{
		"still":                         {nil, "0 9 18", 25, 25, true},
		"one ends on an earlier page":   {map[int]func([]string) []string{2: remove(3)}, "0 9 18 0 9 18", 24, 24, true},
		"the overlap row ends":          {map[int]func([]string) []string{2: remove(9)}, "0 9 18 0 9 18", 24, 24, true},
		"one ends on a later page":      {map[int]func([]string) []string{2: remove(20)}, "0 9 18 0 9 18", 24, 24, true},
		"one begins at the end":         {map[int]func([]string) []string{2: insert(25, 99)}, "0 9 18 0 9 18", 26, 26, true},
		"one begins on an earlier page": {map[int]func([]string) []string{2: insert(0, 99)}, "0 9 18 0 9 18", 26, 26, true},
		"one ends, one begins": {map[int]func([]string) []string{2: func(r []string) []string { return insert(24, 99)(remove(3)(r)) }},
			"0 9 18 0 9 18", 25, 25, true},
		"later pages empty":    {map[int]func([]string) []string{2: func(r []string) []string { return r[:8] }}, "0 9 0 7", 8, 8, true},
		"last page empty":      {map[int]func([]string) []string{3: func(r []string) []string { return r[:15] }}, "0 9 18 0 9", 15, 15, true},
		"both times":           {map[int]func([]string) []string{2: remove(3), 5: remove(3)}, "0 9 18 0 9 18", 24, 24, false},
		"both times, it grows": {map[int]func([]string) []string{2: insert(0, 99), 5: insert(0, 98)}, "0 9 18 0 9 18", 26, 27, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(25)...)
			f.pageCap = 10
			f.sessions = func(page int, _ http.ResponseWriter, _ *http.Request) bool {
				if change := c.before[page]; change != nil {
					f.shift(change)
				}
				return false
			}
			b := newBench(t, f.url)
			b.concurrent = 1
			snap := b.snapshot(t)
			if len(snap.Sessions) != c.listed || snap.Total != c.listed || snap.Reported != c.reported || snap.Complete != c.complete {
				t.Errorf("listed %d, total %d, reported %d, complete %t; want %d, %d, %d, %v", len(snap.Sessions), snap.Total, snap.Reported, snap.Complete, c.listed, c.listed, c.reported, c.complete)
			}
			if got := strings.Join(queries(t, f), " "); got != c.skips {
				t.Errorf("pages at %s, want %s", got, c.skips)
			}
		})
	}
}

// answers serves one body after the other, the last one for ever.
func answers(bodies ...string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(page int, w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(w, bodies[min(page, len(bodies))-1])
		return true
	}
}

// twice is what an API answers that is listed twice.
func twice(bodies ...string) []string { return append(bodies, bodies...) }

func TestOddLists(t *testing.T) {
	three := rows(3)
	last := three[2:]
	for name, c := range map[string]struct {
		pages    []string
		listed   int
		reported int
		complete bool
		requests int
	}{
		"null results":           {[]string{`{"ObjectType":"iam.Session.List","Count":0,"Results":null}`}, 0, 0, true, 1},
		"same rows for ever":     {[]string{list(9, true, three)}, 3, 9, false, 4},
		"same rows, no Count":    {[]string{list(0, false, three)}, 3, 3, false, 2},
		"no Count, no rows":      {[]string{list(0, false, nil)}, 0, 0, false, 1},
		"Count lost on the way":  {[]string{list(3, true, three[:2]), list(0, false, three[1:]), list(0, false, last), list(3, true, three), list(3, true, last)}, 3, 3, true, 5},
		"a row twice":            {[]string{list(3, true, append(rows(3), row(1))), list(3, true, three[1:2])}, 3, 3, true, 2},
		"a row twice, counted":   {twice(list(4, true, append(rows(3), row(1))), list(4, true, three[1:2])), 3, 4, false, 4},
		"overlap does not match": {[]string{list(3, true, three[:2]), list(3, true, []string{row(2), row(1)}), list(3, true, three[1:2]), list(3, true, three), list(3, true, last)}, 3, 3, true, 5},
		"overlap is gone":        {[]string{list(3, true, three), list(3, true, nil)}, 3, 3, false, 3},
		"more follows":           {twice(list(2, true, three[:2]), list(2, true, three[1:]), list(2, true, last)), 3, 2, false, 6},
		"Count too small":        {twice(list(2, true, three), list(2, true, last)), 3, 2, false, 4},
		"Count 0 with rows":      {twice(list(0, true, three), list(0, true, last)), 3, 0, false, 4},
		"a lie of a Count":       {[]string{list(2_000_000_000, true, three)}, 3, 2_000_000_000, false, 4},
		"empty once":             {[]string{list(3, true, nil), list(3, true, three), list(3, true, last)}, 3, 3, true, 3},
		"listed, then empty":     {[]string{list(4, true, three), list(4, true, nil)}, 3, 4, false, 3},
		"listed, then HTML":      {[]string{list(4, true, three), list(4, true, nil), "<html>"}, 3, 4, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t)
			f.sessions = answers(c.pages...)
			b := newBench(t, f.url)
			b.concurrent = 1
			snap := b.snapshot(t)
			if len(snap.Sessions) != c.listed || snap.Reported != max(c.reported, c.listed) || snap.Complete != c.complete {
				t.Errorf("listed %d, reported %d, complete %t; want %d, %v", len(snap.Sessions), snap.Reported, snap.Complete, c.listed, c.complete)
			}
			if n := len(f.requests(sessionsPath)); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
	for name, pages := range map[string][]string{
		"counts without rows, twice": {`{"Count":3,"Results":[]}`},
		"null rows, twice":           {`{"Count":3,"Results":null}`},
		"nothing":                    {`{}`},
		"HTML":                       {`<html><body>login</body></html>`},
		"$count":                     {`{"ObjectType":"mo.DocumentCount","Count":3}`},
		"$apply":                     {`{"ObjectType":"mo.AggregateTransform","Results":[{"Moid":"x"}]}`},
		"a row without Moid":         {`{"Count":1,"Results":[{"Status":"Active"}]}`},
		"a row that is none":         {`{"Count":1,"Results":[7]}`},
		"a later page broken":        {list(4, true, three), `{"Count":4,"Results":[{}`},
		"empty, then HTML":           {list(4, true, nil), `<html>`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t)
			f.sessions = answers(pages...)
			newBench(t, f.url).failure(t, session.ReasonDecode)
		})
	}
}

// An API that invents sessions for ever is left at a bound.
func TestEndlessList(t *testing.T) {
	f := newFakeAPI(t)
	n, last := 0, row(0)
	f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		n++
		next := fmt.Sprintf(`{"Moid":"%s"}`, moid(n))
		fmt.Fprint(w, list(1<<30, true, []string{last, next}))
		last = next
		return true
	}
	b := newBench(t, f.url)
	b.concurrent = 1
	snap := b.snapshot(t)
	if snap.Complete || len(snap.Sessions) != maxPages+1 || len(f.requests(sessionsPath)) != maxPages {
		t.Errorf("listed %d in %d requests, complete %t; want %d, %d", len(snap.Sessions), len(f.requests(sessionsPath)), snap.Complete, maxPages+1, maxPages)
	}
}

// Where there is no time to list again, what was listed is published.
func TestNoTimeToListAgain(t *testing.T) {
	if _, _, ok := timeAgain(context.Background(), time.Hour); !ok {
		t.Error("without a deadline there is time")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, _, ok := timeAgain(ctx, 40*time.Second); ok {
		t.Error("40 s fit into a minute with nothing to spare")
	}
	again, stop, ok := timeAgain(ctx, 10*time.Second)
	if !ok {
		t.Fatal("10 s don't fit into a minute")
	}
	defer stop()
	whole, _ := ctx.Deadline()
	if part, _ := again.Deadline(); !part.Before(whole.Add(-time.Second)) {
		t.Error("the second listing leaves no time to give the first")
	}

	// The second listing hangs: the first is published before time is up.
	f := newFakeAPI(t, rows(3)...)
	f.sessions = func(page int, w http.ResponseWriter, r *http.Request) bool {
		if page <= 2 {
			fmt.Fprint(w, list(2, true, rows(3)[2*page-2:]))
			return true
		}
		<-r.Context().Done()
		return true
	}
	b := newBench(t, f.url)
	snap, err := b.Snapshot(unhurried{t.Context(), time.Now().Add(2 * time.Second)}, session.Want{})
	if err != nil || len(snap.Sessions) != 3 || snap.Complete {
		t.Errorf("%+v, %v; want len Sessions 3", snap, err)
	}
}

func TestServerClock(t *testing.T) {
	f := newFakeAPI(t, `{"Moid":"a","Expiration":"2026-08-20T13:00:00Z"}`)
	f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Date", noon.Add(time.Hour).Format(http.TimeFormat))
		return false
	}
	snap := newBench(t, f.url).snapshot(t)
	if !snap.Taken.Equal(noon.Add(time.Hour)) || snap.Sessions[0].Status != session.Expired {
		t.Errorf("taken %s, %v; want %v", snap.Taken, snap.Sessions[0].Status, session.Expired)
	}
	f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header()["Date"] = nil
		return false
	}
	if snap = newBench(t, f.url).snapshot(t); !snap.Taken.Equal(noon) || snap.Sessions[0].Status != session.Active {
		t.Errorf("without Date: taken %s, %v; want %v", snap.Taken, snap.Sessions[0].Status, session.Active)
	}
	// A second listing is judged by its own time; the first has two pages here.
	dates := 0
	f.sessions = func(page int, w http.ResponseWriter, _ *http.Request) bool {
		dates++
		w.Header().Set("Date", noon.Add(time.Duration(dates)*time.Minute).Format(http.TimeFormat))
		if page == 1 {
			fmt.Fprint(w, list(2, true, f.rows))
			return true
		}
		return false
	}
	f.forget()
	if snap = newBench(t, f.url).snapshot(t); !snap.Taken.Equal(noon.Add(3*time.Minute)) || !snap.Complete {
		t.Errorf("second listing: taken %s, complete %t; want %s, true", snap.Taken, snap.Complete, noon.Add(3*time.Minute))
	}
}

func TestCallerLeaves(t *testing.T) {
	f := newFakeAPI(t)
	ctx, cancel := context.WithCancel(context.Background())
	f.sessions = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	b := newBench(t, f.url)
	if _, err := b.Snapshot(ctx, session.Want{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if logs := b.logs.String(); logs != "" {
		t.Errorf(`logged %s; want ""`, logs)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	hanging := newFakeAPI(t)
	hanging.sessions = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	if _, err := newBench(t, hanging.url).Snapshot(ctx, session.Want{}); err == nil {
		t.Error("no error")
	} else if reason, _ := session.ReasonOf(err); reason != session.ReasonTimeout {
		t.Errorf("%v", err)
	}
}
