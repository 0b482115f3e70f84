package oam

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// A user who is wanted by name is listed beyond the window, with the key that the set
// has, and the name is in no line of the trace or the log.
func TestUsersWantedByName(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Seed: 5, Sessions: 3000, Addresses: 900, Users: 1500, Stores: 3})
	who := w.Truth(session.OAM)[1234]
	srv := httptest.NewServer(simoam.New(w, simoam.Options{}))
	defer srv.Close()
	var out bytes.Buffer
	s := source(t, srv.URL, func(c *Config) {
		c.MaxQueries, c.Now, c.Logger = 60, w.Now, log.NewLogfmtLogger(&out)
	})
	var mu sync.Mutex
	ctx := session.WithTrace(t.Context(), &session.Trace{
		Request:  func(r session.Request) { mu.Lock(); defer mu.Unlock(); fmt.Fprintln(&out, r.What, r.Err) },
		Decision: func(what string) { mu.Lock(); defer mu.Unlock(); fmt.Fprintln(&out, what) },
	})
	snap, err := s.Snapshot(ctx, session.Want{ClientIPs: 20, Identities: true, Users: []session.User{
		{Name: session.NewName(who.User), Urgent: true}, {Name: session.NewName("nobody-" + canary)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	key, listed := s.convert.user(who.Store, who.User), 0
	for i := range snap.Sessions {
		if x := &snap.Sessions[i]; x.User == key {
			listed++
			if id := snap.Who(i).User; id == nil || id.Name.Open() != who.User || id.Store != who.Store {
				t.Errorf("got the identity of somebody else of store %s, want the user's of store %s", id.Store, who.Store)
			}
		}
	}
	want := 0
	for _, x := range w.Truth(session.OAM) {
		if x.User == who.User && x.Store == who.Store {
			want++
		}
	}
	if snap.Complete || listed != want {
		t.Errorf("got %d sessions of the user, complete %v; want %d, false", listed, snap.Complete, want)
	}
	if !slices.Contains(snap.FullyListed, session.Set{User: key}) {
		t.Errorf("got %v, want the user listed whole", snap.FullyListed)
	}
	if strings.Contains(out.String(), who.User) || strings.Contains(out.String(), canary) || out.Len() == 0 {
		t.Errorf("got a name, or nothing, in %s, want lines without names", &out)
	}
}
