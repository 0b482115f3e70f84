package collector

import (
	"context"
	"fmt"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// A scrape of 5,000 sessions, without what the source itself costs.
func BenchmarkScrape(b *testing.B) {
	var all []session.Session
	for i := range 5000 {
		all = append(all, session.Session{
			ID: session.Key(i + 1), User: session.Key(1 + i%2000), Login: session.Key(1 + i%2000), Status: session.Active,
			IdentityStore: fmt.Sprint("Provider ", i%7/5), LoginType: "weblogin",
			Role: fmt.Sprint("Role ", i%60), ClientIP: fmt.Sprintf("10.0.%d.%d", i%3, i%200), Created: noon.Add(-time.Hour), Expires: noon.Add(time.Hour),
		})
	}
	snap := complete(noon, all...)
	s := newSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(snap)}}, options(session.Intersight))
	b.ReportAllocs()
	for b.Loop() {
		g, err := New(s).Scrape(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := g.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

// What the counting of as many sessions and values as an API can list costs.
func BenchmarkHostileView(b *testing.B) {
	var all []session.Session
	for i := range 200_000 {
		all = append(all, session.Session{ID: session.Key(i + 1), User: session.Key(1 + i), Status: session.Active, Role: fmt.Sprint("Role ", i), ClientIP: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)})
	}
	snap := complete(noon, all...)
	o := options(session.Intersight)
	b.ReportAllocs()
	for b.Loop() {
		newView(snap, &o, published{})
	}
}
