package plan

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
)

// answerer answers from a list of sessions as OAM would: exact filters that
// combine, times that mean "before or at".
type answerer struct {
	all      []Row
	used     []int64
	by       map[Query][]int // indexes by single exact fields
	now      int64
	fixed    bool
	wildcard bool
	cap      int
	rand     *rand.Rand
	rank     []uint64

	took        int64 // of the first answer
	most, asked int
	before      func(n int) // called before each answer
	queries     []Query
	spoil       func(*answerer, *Query, *Row) bool // changes what a filter means to a row, and whether it is looked at
}

func newAnswerer(w *world.World, seed uint64, most int) *answerer {
	a := &answerer{by: map[Query][]int{}, now: w.Now().Unix(), most: most, rand: rand.New(rand.NewPCG(seed, 1))}
	for _, s := range w.Truth(session.OAM) {
		a.add(Row{User: s.User, IP: s.ClientIP, Store: s.Store, Impersonating: s.Impersonating, Created: s.Created.Unix(), Expires: s.Expires.Unix()}, s.LastAccess.Unix())
	}
	return a
}

func keys(r *Row) []Query {
	f := Plain
	if r.Impersonating {
		f = Impersonating
	}
	return []Query{{}, {User: r.User}, {IP: r.IP}, {Store: r.Store}, {Flag: f}}
}

func (a *answerer) add(r Row, used int64) {
	r.Ref, r.Used = len(a.all), used
	a.all, a.used, a.rank = append(a.all, r), append(a.used, used), append(a.rank, a.rand.Uint64())
	for _, k := range keys(&r) {
		a.by[k] = append(a.by[k], r.Ref)
	}
}

func (a *answerer) Remaining() int   { return a.most - a.asked }
func (a *answerer) Concurrency() int { return 2 }

func (a *answerer) Search(qs []Query) []Answer {
	var out []Answer
	for _, q := range qs {
		if a.asked == a.most {
			return out
		}
		a.asked++
		if a.before != nil {
			a.before(a.asked)
		}
		a.queries = append(a.queries, q)
		out = append(out, a.answer(q))
	}
	return out
}

func (a *answerer) answer(q Query) Answer {
	list := a.by[Query{}]
	star := func(v string) bool { return a.wildcard && strings.HasSuffix(v, "*") }
	narrow := func(k Query) {
		if l := a.by[k]; len(l) < len(list) {
			list = l
		}
	}
	if q.User != "" && !star(q.User) {
		narrow(Query{User: q.User})
	}
	if q.IP != "" && !star(q.IP) {
		narrow(Query{IP: q.IP})
	}
	if q.Store != "" {
		narrow(Query{Store: q.Store})
	}
	if q.Flag != AnyFlag {
		narrow(Query{Flag: q.Flag})
	}
	single := q.Fields() <= 1 && q.Expires == 0 && q.Used == 0 && !star(q.User) && !star(q.IP)
	if !single {
		var some []int
		for _, i := range list {
			r, q := &a.all[i], q
			if a.spoil != nil && !a.spoil(a, &q, r) {
				continue
			}
			if a.holds(q, r) && (q.Expires == 0 || r.Expires <= q.Expires) && (q.Used == 0 || a.used[i] <= q.Used) {
				some = append(some, i)
			}
		}
		list = some
	}
	out := Answer{Outcome: Found, At: a.now, Took: a.took, Total: len(list)}
	if a.cap > 0 {
		out.Total = min(out.Total, a.cap)
	}
	for _, i := range a.window(list) {
		out.Rows = append(out.Rows, a.all[i])
	}
	return out
}

func (a *answerer) holds(q Query, r *Row) bool {
	text := func(want, have string) bool {
		if p, ok := strings.CutSuffix(want, "*"); ok && a.wildcard {
			return strings.HasPrefix(have, p)
		}
		return want == "" || want == have
	}
	return text(q.User, r.User) && text(q.IP, r.IP) && text(q.Store, r.Store) && (q.Flag == AnyFlag || (q.Flag == Impersonating) == r.Impersonating)
}

func (a *answerer) window(list []int) []int {
	if len(list) <= Window {
		return list
	}
	if a.fixed {
		out := make([]int, 0, Window+1)
		byRank := func(i, j int) int { return cmp.Compare(a.rank[i], a.rank[j]) }
		for _, i := range list {
			if len(out) == Window && byRank(i, out[Window-1]) > 0 {
				continue
			}
			at, _ := slices.BinarySearchFunc(out, i, byRank)
			out = slices.Insert(out, at, i)
			out = out[:min(len(out), Window)]
		}
		return out
	}
	var out []int
	for len(out) < Window {
		if i := list[a.rand.IntN(len(list))]; !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out
}
