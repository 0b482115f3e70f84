package collector

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// gather scrapes a source once.
func gather(t *testing.T, s *Source) []*dto.MetricFamily {
	t.Helper()
	g, err := New(s).Scrape(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// sums returns what each family of sessions sums to over all its labels.
func sums(families []*dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "iam_sessions" && !strings.HasPrefix(f.GetName(), "iam_sessions_by_") {
			continue
		}
		for _, m := range f.GetMetric() {
			out[f.GetName()] += m.GetGauge().GetValue()
			if v := m.GetGauge().GetValue(); v < 0 {
				out["below zero"] = v
			}
		}
	}
	return out
}

// arbitrary makes a snapshot that need not make sense: counts that exceed the
// total, or are below what is listed, or of values that nobody lists.
func arbitrary(r *rand.Rand) *session.Snapshot {
	values := []string{"", "a", "b", "c", "d", "other", "unknown", "none", "10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "10.9.0.1", "192.0.2.1, 10.0.0.1", "2001:db8::1", "x\u200b"}
	one := func() string { return values[r.IntN(len(values))] }
	s := partly(complete(noon))
	for i := range r.IntN(30) {
		s.Sessions = append(s.Sessions, session.Session{ID: session.Key(i + 1), Status: session.Status(r.IntN(6)), Role: one(), ClientIP: one(), IdentityStore: one(), LoginType: one(), StoreUnknown: r.IntN(4) == 0, FailedLogins: -1})
	}
	s.Total = len(s.Sessions) + r.IntN(3)*r.IntN(40)
	s.Reported = s.Total
	s.Complete = s.Total == len(s.Sessions) && r.IntN(2) == 0
	for _, d := range []session.Dimension{session.DimensionRole, session.DimensionClientIP, session.DimensionIdentityStore, session.DimensionLoginType} {
		x := session.Resolution{Listed: r.IntN(3) == 0}
		if r.IntN(4) > 0 {
			x.Counted = map[string]int{}
			for range r.IntN(8) {
				x.Counted[one()] = r.IntN(40) - 2
				if r.IntN(20) == 0 {
					x.Counted[one()] = math.MaxInt
				}
			}
		}
		s.Resolved[d] = x
	}
	if r.IntN(2) == 0 {
		s.Statuses = map[session.Status]int{}
		for range r.IntN(4) {
			s.Statuses[session.Status(r.IntN(6))] = r.IntN(40) - 2
		}
	}
	return s
}

// Whatever a source hands over, all families sum to its total.
func TestFamiliesSumToTheTotal(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 1))
		api := []session.API{session.Intersight, session.OAM}[r.IntN(2)]
		o := options(api)
		o.facts |= session.FactRole
		o.Labels.Role.Limit, o.Labels.IdentityStore.Limit, o.Labels.ClientIP.Limit, o.Labels.LoginType.Limit = 1+r.IntN(5), 1+r.IntN(5), 1+r.IntN(5), 1+r.IntN(5)
		o.Labels.ClientIP.IPv4Prefix = []int{32, 24}[r.IntN(2)]
		o.Networks = []grouping.Network{{Name: "hq", Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Name: "vpn", Prefix: netip.MustParsePrefix("2001:db8::/32")}}
		var answers []func(context.Context) (*session.Snapshot, error)
		var snaps []*session.Snapshot
		for range 3 {
			snaps = append(snaps, arbitrary(r))
			answers = append(answers, snapshot(snaps[len(snaps)-1]))
		}
		s := newSource(&fakeSource{answer: answers}, o)
		for _, snap := range snaps {
			got := sums(gather(t, s))
			want := map[string]float64{}
			for f := range got {
				want[f] = float64(snap.Total)
			}
			delete(want, "below zero")
			if len(snap.Sessions)+snap.Total > 0 && len(got) < 4 || !maps.Equal(got, want) {
				t.Fatalf("seed %d: %v, total %d; want %v\n%+v", seed, got, snap.Total, want, snap)
			}
		}
	}
}

// Counts that were asked for at other moments than the total may exceed it: the
// smallest values are then not published by name.
func TestTheSmallestValuesMakeRoom(t *testing.T) {
	snap := &session.Snapshot{
		Taken: noon, Total: 48, Reported: 48,
		Sessions: []session.Session{
			{ID: 1, Status: session.Active, ClientIP: "10.0.0.3", IdentityStore: "ad", FailedLogins: -1},
			{ID: 2, Status: session.Idle, ClientIP: "10.0.0.1", IdentityStore: "oud", FailedLogins: -1},
		},
		Resolved: map[session.Dimension]session.Resolution{
			session.DimensionClientIP:      {Counted: map[string]int{"10.0.0.1": 30, "10.0.0.2": 16, "10.0.0.3": 2, "10.9.9.9": 1}},
			session.DimensionIdentityStore: {Counted: map[string]int{"oud": 30, "ad": 20}},
		},
	}
	o := options(session.OAM)
	o.Networks = []grouping.Network{{Name: "hq", Prefix: netip.MustParsePrefix("10.0.0.0/16")}}
	s := newSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(snap)}}, o)
	g, err := New(s).Scrape(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := `
# HELP iam_sessions_by_client_ip Sessions by status and client address. Addresses beyond the limit, and sessions whose address is not known, are in other.
# TYPE iam_sessions_by_client_ip gauge
iam_sessions_by_client_ip{api="oam",client_ip="10.0.0.1",source="test",status="idle"} 1
iam_sessions_by_client_ip{api="oam",client_ip="10.0.0.1",source="test",status="unknown"} 29
iam_sessions_by_client_ip{api="oam",client_ip="10.0.0.2",source="test",status="unknown"} 16
iam_sessions_by_client_ip{api="oam",client_ip="10.0.0.3",source="test",status="active"} 1
iam_sessions_by_client_ip{api="oam",client_ip="10.0.0.3",source="test",status="unknown"} 1
# HELP iam_sessions_by_client_network Sessions by status and named network of the client. Addresses in no network are in other, sessions whose address is not known in unknown.
# TYPE iam_sessions_by_client_network gauge
iam_sessions_by_client_network{api="oam",client_network="hq",source="test",status="active"} 1
iam_sessions_by_client_network{api="oam",client_network="hq",source="test",status="idle"} 1
iam_sessions_by_client_network{api="oam",client_network="hq",source="test",status="unknown"} 46
# HELP iam_sessions_by_identity_store Sessions by status and identity store, which for Intersight is the identity provider of the user. Stores beyond the limit, and sessions whose store is not known, are in other.
# TYPE iam_sessions_by_identity_store gauge
iam_sessions_by_identity_store{api="oam",identity_store="oud",source="test",status="idle"} 1
iam_sessions_by_identity_store{api="oam",identity_store="oud",source="test",status="unknown"} 29
iam_sessions_by_identity_store{api="oam",identity_store="other",source="test",status="active"} 1
iam_sessions_by_identity_store{api="oam",identity_store="other",source="test",status="unknown"} 17
`
	if err := testutil.GatherAndCompare(g, strings.NewReader(want), "iam_sessions_by_client_ip", "iam_sessions_by_client_network", "iam_sessions_by_identity_store"); err != nil {
		t.Error(err)
	}
	// What made room is in place all the same: it is as large as it was.
	if !s.memory.inPlace[session.DimensionIdentityStore].names()["ad"] {
		t.Errorf("in place: %v, want store ad among them", s.memory.inPlace)
	}
}

// Exact totals of statuses that do not fit beside each other are not a matter of
// chance.
func TestStatusesThatExceedTheTotal(t *testing.T) {
	for range 50 {
		snap := partly(complete(noon, session.Session{ID: 1, Status: session.Active}))
		snap.Total, snap.Reported = 10, 10
		snap.Statuses = map[session.Status]int{session.Idle: 6, session.Expired: 5, session.Ended: 3}
		v := newView(snap, ptr(options(session.OAM)), published{})
		if got := fmt.Sprint(v.total); got != "[0 1 6 0 3 0]" {
			t.Fatalf(`%v; want "[0 1 6 0 3 0]"`, got)
		}
	}
}
