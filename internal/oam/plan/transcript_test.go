package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/oam/filter"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// Transcripts show a refresh of each kind of server: which search, what came, and
// what is known by then. They are in testdata, for whoever administers an OAM.
func TestTranscripts(t *testing.T) {
	for _, c := range []struct {
		file, about string
		world       func() *answerer
		client      func(*answerer) Client // nil: the answerer
		refreshes   int
		want        Limits
	}{
		{"one_answer", "A site with fewer sessions than one answer lists: one search has everything.",
			func() *answerer { return newAnswerer(mid(1, 20, 8, 2, 15), 1, 40) }, nil, 1, Limits{Addresses: 100}},
		{"sampled", "Searches by equality; the same search lists other sessions each time it is sent. All are listed; the second refresh knows what filters mean and where sessions are.",
			func() *answerer { return newAnswerer(mid(1, 90, 12, 2, 40), 1, 120) }, nil, 2, Limits{Addresses: 100}},
		{"stable", "Searches by equality; the same search always lists the same sessions. What no search lists stays unknown; the addresses are counted all the same.",
			func() *answerer { a := newAnswerer(mid(1, 150, 12, 2, 60), 1, 70); a.fixed = true; return a }, nil, 2, Limits{Addresses: 100}},
		{"prefixes", "A final * stands for anything: sets are divided until each fits into one answer.",
			func() *answerer {
				a := newAnswerer(mid(1, 150, 12, 2, 60), 1, 120)
				a.fixed, a.wildcard = true, true
				return a
			}, nil, 2, Limits{Addresses: 100}},
		{"not_combining", "Of several fields the server looks at the address only: nothing is asked by two fields.",
			func() *answerer { return newAnswerer(mid(1, 90, 12, 2, 40), 1, 60) }, func(a *answerer) Client { return addressWins{a} }, 1, Limits{Addresses: 100}},
		{"large", "Too many sessions to list with 40 searches: the total, the stores, and the largest addresses are counted.",
			func() *answerer { return newAnswerer(mid(1, 20_000, 900, 3, 6000), 1, 40) }, nil, 2, Limits{Addresses: 10, Idle: 900}},
		{"no_match_404", "The server answers a search that finds nothing with a 404, and says so twice before it is believed.",
			func() *answerer { return newAnswerer(mid(1, 60, 9, 2, 30), 1, 60) }, func(a *answerer) Client { return &faulty{answerer: a, form: Form404} }, 1, Limits{Addresses: 100}},
		{"filtered", "The source has a filter by store: each query is sent within it, and none asks for a store. Rows are listed and counted as if there were no other store.",
			func() *answerer { return newAnswerer(mid(1, 150, 12, 2, 60), 1, 120) }, nil, 2, Limits{Addresses: 100, Filter: Query{Store: "UserIdentityStore1"}}},
		{"capped_total", "The server counts no further than 100, though it has 150 sessions: the parts show it, and nothing is published.",
			func() *answerer { a := newAnswerer(mid(3, 150, 30, 3, 60), 3, 60); a.cap = 100; return a }, nil, 2, Limits{Addresses: 100}},
		{"moving", "Sessions end and begin while they are listed. Those that began after the first search are not counted; those that have ended can't be found any more.",
			func() *answerer {
				a := newAnswerer(mid(1, 90, 12, 2, 40), 1, 80)
				a.before = func(n int) {
					if n > 1 && n%10 == 0 {
						a.now++
						a.swap(1, 0)
					}
				}
				return a
			}, nil, 1, Limits{Addresses: 100}},
		{"no_answers", "From the 20th search on none is answered: after three in a row no more are sent, and what is proven by then is published.",
			func() *answerer { return newAnswerer(mid(1, 300, 12, 2, 40), 1, 80) },
			func(a *answerer) Client {
				return &faulty{answerer: a, lose: func(n int, _ Query) bool { return n >= 20 }}
			}, 1, Limits{Addresses: 100}},
	} {
		t.Run(c.file, func(t *testing.T) {
			a := c.world()
			w := &transcript{}
			fmt.Fprintf(w, "%s\n\n%d sessions, at most %d searches a refresh.\n", c.about, len(a.by[Query{}]), a.most)
			if f := c.want.Filter; f != (Query{}) {
				fmt.Fprintf(w, "Filter: %s, which %d sessions match.\n", w.query(f), len(a.by[f]))
			}
			client := Client(a)
			if c.client != nil {
				client = c.client(a)
			}
			m := NewMemory()
			for n := range c.refreshes {
				a.now, a.asked = a.now+30, 0
				fmt.Fprintf(w, "\nRefresh %d\n", n+1)
				w.refresh(m, c.want, client)
			}
			compare(t, filepath.Join("testdata", c.file+".txt"), w.String())
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s is another from line %d on: go test -run Transcripts -update writes it anew\ngot  %q\nwant %q", file, i+1, slices.Concat(g, []string{""})[min(i, len(g))], slices.Concat(w, []string{""})[min(i, len(w))])
		}
	}
}

type transcript struct {
	strings.Builder
	s     *refresh
	phase string // entered, and without a search up to now
	n     int
	known string // how much is listed
	can   string // what filters mean
}

func (w *transcript) refresh(m *Memory, l Limits, c Client) {
	w.n, w.known, w.can = 0, "", ""
	w.s = &refresh{client: c, memory: m, limits: l, heard: w.heard, enter: func(phase string) {
		w.learnt()
		w.phase = phase
	}}
	r, ok := w.s.phases()
	w.learnt()
	if !ok {
		fmt.Fprintln(w, "  = no answer: no refresh")
		return
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, "  !", n)
	}
	count := func(n int) string {
		if n < 0 {
			return "unknown"
		}
		return fmt.Sprint(n)
	}
	switch {
	case r.Untrusted != "":
		fmt.Fprintf(w, "  = nothing is published: %s\n", r.Untrusted)
	case r.Complete:
		fmt.Fprintf(w, "  = published: all %d sessions\n", r.Total)
	default:
		fmt.Fprintf(w, "  = published: %d sessions, %d of them listed; counted: %d addresses, %d stores; impersonating %s, expired %s, idle %s\n",
			r.Total, len(r.Listed), len(r.Addresses), len(r.Stores), count(r.Impersonating), count(r.Expired), count(r.Idle))
	}
}

func (w *transcript) heard(q Query, a *Answer, fresh int) {
	if w.phase != "" {
		fmt.Fprintf(w, "  %s\n", w.phase)
		w.phase = ""
	}
	w.n++
	text := fmt.Sprintf("%d, %d rows, %d new", a.Total, len(a.Rows), fresh)
	switch {
	case a.Outcome == NoMatch:
		text = "no match"
	case a.Outcome == Rejected:
		text = "rejected"
	case a.Outcome == Unanswered:
		text = "nothing that proves anything"
	}
	fmt.Fprintf(w, "  %4d ask %-42s → %s\n", w.n, w.query(q), text)
}

// learnt says what is known once a phase has ended, if that is news.
func (w *transcript) learnt() {
	if w.s == nil || w.s.log == nil || w.phase != "" {
		return
	}
	can := w.s.log.Can()
	var means []string
	for _, k := range []struct {
		what  uint8
		words [2]string
	}{
		{uint8(can.Combine), [2]string{"fields combine", "fields don't combine"}},
		{uint8(can.ExactIP), [2]string{"addresses are matched exactly", "addresses are matched loosely"}},
		{uint8(can.ExactStore), [2]string{"stores are matched exactly", "stores are matched loosely"}},
		{uint8(can.Case), [2]string{"case matters", "case is ignored"}},
		{uint8(can.WildcardUser), [2]string{"a final * is a prefix", "no prefixes"}},
		{uint8(can.Rows), [2]string{"rows are sampled", "rows are stable"}},
		{uint8(can.Total), [2]string{"the total counts all", "the total is limited"}},
	} {
		if k.what > 0 {
			means = append(means, k.words[k.what-1])
		}
	}
	if text := strings.Join(means, ", "); text != w.can {
		w.can = text
		fmt.Fprintf(w, "       known: %s\n", text)
	}
	if text := fmt.Sprintf("%d of %d listed", w.s.log.Listed(), w.s.log.Total()); text != w.known {
		w.known = text
		fmt.Fprintf(w, "       known: %s\n", text)
	}
}

func (w *transcript) query(q Query) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+": "+value)
		}
	}
	add("user", q.User)
	add("ip", q.IP)
	add("store", q.Store)
	add("impersonating", map[filter.Flag]string{Impersonating: "true", Plain: "false"}[q.Flag])
	add("expires", w.time(q.Expires))
	add("used", w.time(q.Used))
	return "{" + strings.Join(parts, ", ") + "}"
}

// time is a time, by the first answer.
func (w *transcript) time(unix int64) string {
	if unix == 0 {
		return ""
	}
	if by := time.Duration(unix-w.s.log.Date()) * time.Second; by.Abs() < 1000*time.Hour {
		if by < 0 {
			return "now" + by.String()
		}
		return "now+" + by.String()
	}
	return fmt.Sprint(time.Unix(unix, 0).UTC().Year())
}
