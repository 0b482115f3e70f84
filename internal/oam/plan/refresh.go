package plan

import (
	"maps"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/oam/probe"
	"iam_session_exporter/internal/oam/search"
)

const (
	// maxInARow is how many searches in a row may stay without an answer before no
	// more are sent.
	maxInARow = 3
	// maxSilent is how many answers in a row may be without a total before {} is
	// asked: a server that has gone, and something that answers in its place, may look
	// like one at which nothing matches.
	maxSilent = 12
)

const goneNote = "even all sessions are answered as no match: what was proven before stands"

// refresh is one refresh under way.
type refresh struct {
	client Client
	memory *Memory
	limits Limits

	log     *evidence.Log
	noMatch *probe.NoMatch
	looks   probe.Looks
	tree    *search.Tree
	search  *search.Search

	exhausted   bool // no more will be answered
	single      bool // {} was all there was to ask
	lookedAgain bool // at the total, at the end
	probed      bool // what filters mean
	timesTried  bool // to show that filters on times are exact
	timesFailed int  // refreshes that could not

	spelling map[filter.Field]string // of the values that the filter has, by the first row
	respelt  map[filter.Field]bool   // whose rows have several

	inARow int // searches that had no answer, up to now
	silent int // answers without a total since the last one with one

	heard func(q filter.Query, a *filter.Answer, fresh int) // what was answered, with so many rows that are new; for transcripts
	enter func(phase string)                                // what is asked for from now on
}

// Run does one refresh. It reports false if even the first search got no answer.
func Run(m *Memory, l Limits, c Client) (evidence.Result, bool) {
	s := &refresh{client: c, memory: m, limits: l, enter: func(string) {}, heard: func(filter.Query, *filter.Answer, int) {}}
	return s.phases()
}

// refresh goes through the phases.
func (s *refresh) phases() (evidence.Result, bool) {
	s.enter("first look")
	answers := s.send([]filter.Query{{}})
	if len(answers) == 0 || answers[0].Outcome != filter.Found {
		return evidence.Result{}, false
	}
	first := &answers[0]
	s.begin(first.At - first.Took)
	s.take(filter.Query{}, first)
	switch total := s.log.Total(); {
	case total < filter.Window, total == filter.Window && len(first.Rows) == filter.Window && s.log.Beyond():
		s.single = true // one answer has everything, or should have
	case s.log.TotalCapped():
	case total == filter.Window && !s.log.Beyond():
		s.enter("parts of a window")
		s.window()
	default:
		s.enter("probe")
		s.probe(*first)
		s.lookAgain()
		s.enter("stores and flag")
		s.tree.Recall()
		s.parts()
		if s.search.Reachable() {
			s.enter("list")
			s.run(s.search.List())
		}
		if len(s.search.Want.Users) > 0 && !s.log.AllListed() {
			s.enter("users")
			s.run(s.search.Users())
		}
		s.enter("times")
		s.times()
		if !s.log.AllListed() {
			s.enter("addresses")
			s.run(s.search.CountAddresses())
		}
	}
	s.enter("last look")
	return s.conclude(), true
}

// begin makes what a refresh builds on; t0 is when its first search was counted.
func (s *refresh) begin(t0 int64) {
	m := s.memory
	m.begin(t0)
	past, want := m.proven, s.limits.Stores
	past.Can.NoFlag = s.limits.Filter.Flag != filter.AnyFlag
	if s.limits.Filter.Store != "" {
		want = nil
	}
	s.spelling, s.respelt = map[filter.Field]string{}, map[filter.Field]bool{}
	users := s.users()
	s.log = evidence.New(evidence.Setup{Past: past, Filtered: s.filtered(), IdleAfter: s.limits.Idle, Width: s.Width(), Users: users})
	s.noMatch = probe.NewNoMatch(m.proven.Can.NoMatch, maps.Clone(m.filters.Forms), s.limits.Filter)
	s.tree = search.NewTree(s.log, &m.lessons)
	s.search = search.New(s.tree, search.Want{
		Addresses: s.limits.Addresses, All: s.limits.Addresses > maxAddresses, Stores: want, Users: m.order(users, s.limits.Users),
		Sole: func(ip string) bool { return s.limits.sole(ip, false) },
	}, s)
	s.timesTried, s.timesFailed = m.filters.TimesTried, m.filters.TimesFailed
}

// Left implements search.Budget.
func (s *refresh) Left() int {
	if s.over() {
		return 0
	}
	return s.client.Remaining()
}

// Width implements search.Budget.
func (s *refresh) Width() int { return s.client.Concurrency() }

func (s *refresh) over() bool { return s.exhausted || s.log.Untrusted() != "" }

func (s *refresh) filtered() bool { return s.limits.Filter != filter.Query{} }

// send is the only place that sends. Each query is sent within the filter; one that
// would divide what the filter fixes is not sent.
func (s *refresh) send(qs []filter.Query) []filter.Answer {
	var within []filter.Query
	for _, q := range qs {
		if w, ok := q.Within(s.limits.Filter); ok {
			within = append(within, w)
		}
	}
	found := s.client.Search(within)
	answers := make([]filter.Answer, 0, len(qs))
	for _, q := range qs {
		if _, ok := q.Within(s.limits.Filter); !ok {
			answers = append(answers, filter.Answer{Outcome: filter.Rejected})
			continue
		}
		if len(found) == 0 {
			s.exhausted = true
			break
		}
		answers, found = append(answers, found[0]), found[1:]
	}
	return answers
}

// run asks what a strategy wants to be asked.
func (s *refresh) run(strategy search.Queries) {
	for qs := range strategy {
		s.ask(qs...)
	}
}

// ask asks and takes in the answers. Those that prove nothing become Unanswered.
func (s *refresh) ask(qs ...filter.Query) []filter.Answer {
	if s.over() || len(qs) == 0 {
		return nil
	}
	answers := s.send(qs)
	for i := range answers {
		if answers[i].Outcome == filter.NoMatch {
			s.settle(qs[i], answers[i].Form)
		}
	}
	for i := range answers {
		s.take(qs[i], &answers[i])
	}
	if s.inARow >= maxInARow {
		s.exhausted = true
	}
	if s.silent >= maxSilent && s.Left() > 0 {
		s.silent = 0
		s.certain(filter.Query{})
	}
	return answers
}

// certain asks, and once more what got no answer.
func (s *refresh) certain(qs ...filter.Query) []filter.Answer {
	answers := s.ask(qs...)
	var missing []filter.Query
	var at []int
	for i := range answers {
		if answers[i].Outcome == filter.Unanswered && len(missing) < s.Left() {
			missing, at = append(missing, qs[i]), append(at, i)
		}
	}
	for i, a := range s.ask(missing...) {
		answers[at[i]] = a
	}
	return answers
}

// answer fills in the answer to a question.
func (s *refresh) answer(a *probe.Ask) {
	if answers := s.certain(a.Query); len(answers) > 0 && answers[0].Outcome != filter.Unanswered {
		a.Answer, a.Answered = answers[0], true
	}
}

// counted asks for a count, and once more if an answer without a total says that it
// is 0.
func (s *refresh) counted(qs ...filter.Query) {
	s.certain(qs...)
	for _, q := range qs {
		if s.log.Lone(q) {
			s.certain(q)
		}
	}
}

// look looks at the total, and reports whether there was an answer.
func (s *refresh) look() bool {
	a := s.certain(filter.Query{})
	return len(a) > 0 && a[0].Outcome != filter.Unanswered
}

// take takes an answer in.
func (s *refresh) take(q filter.Query, a *filter.Answer) {
	everything := q == (filter.Query{})
	s.within(a)
	s.silent++
	switch {
	case a.Outcome == filter.Unanswered:
		s.inARow++
	case a.Outcome == filter.Found:
		if s.silent = 0; a.Total == 0 {
			s.noMatch.Zero(q)
		}
	case a.Outcome == filter.NoMatch && everything:
		s.nothing(a.Form)
		a.Outcome = filter.Unanswered
	case a.Outcome == filter.NoMatch && !s.noMatch.Believes(q, a.Form):
		a.Outcome = filter.Unanswered
	}
	if a.Outcome != filter.Unanswered {
		s.inARow = 0
	}
	fresh := s.log.Add(q, *a)
	s.tree.Answered(q, a, fresh)
	s.heard(q, a, len(fresh))
	if everything && a.Outcome == filter.Found {
		s.noMatch.Answered()
		if rows, news := s.looks.Add(s.log.Asked(), a, s.log.T0(), s.log.Can().Rows); news {
			s.log.RowsAre(rows)
		}
	}
}

// nothing takes in that even {} was answered without a total.
func (s *refresh) nothing(form filter.Form) {
	if s.noMatch.Everything(form); s.noMatch.Gone {
		s.exhausted = true
		s.log.Note(goneNote)
	}
	s.takeBack()
}

// takeBack takes back what was answered as no match after the last total.
func (s *refresh) takeBack() {
	for _, q := range s.log.TakeBack() {
		s.tree.TakenBack(q)
	}
}

// settle finds out whether an answer without a total says that nothing matches.
func (s *refresh) settle(q filter.Query, form filter.Form) {
	var asked []*probe.Ask
	changed := s.noMatch.Changed
	for a := range s.noMatch.Settle(q, form, s.Left) {
		if answers := s.send([]filter.Query{a.Query}); len(answers) > 0 {
			a.Answer, a.Answered = answers[0], true
			asked = append(asked, a)
		}
	}
	if s.noMatch.Changed && !changed {
		s.log.Note("no match is answered in another form than before: it proves nothing, and will be probed again")
	}
	for _, a := range asked {
		s.take(a.Query, &a.Answer)
	}
}

// probe finds out what the filters mean, the first time and every few hours.
func (s *refresh) probe(first filter.Answer) {
	known := s.memory.filters.Probed != 0
	if !s.memory.filters.Due(s.log.T0()) || s.Left() <= probe.Most {
		return
	}
	before := s.log.Can()
	s.noMatch.Again(known)
	s.log.Means(filter.Capabilities{Rows: before.Rows, Total: before.Total, NoFlag: before.NoFlag})
	p := probe.NewFilters(s.log, s.limits.Filter)
	for a := range p.Asks(first) {
		s.answer(a)
	}
	if p.Zero && s.noMatch.Usual == filter.FormUnknown {
		s.noMatch.Usual = filter.FormTotal
	}
	can := s.log.Can().Or(p.Can)
	switch {
	case s.over() || p.Lost:
		// What has no answer is no news: what was proven hours ago still holds, unless
		// it was contradicted, and the next refresh probes again.
		if known && !s.noMatch.Changed {
			can = can.Or(before)
		}
	case p.Found:
		s.probed, s.noMatch.Changed = true, false
		s.log.Note("probed what the filters mean")
	}
	s.timesTried, s.search.AgesRefused = false, false
	if s.limits.Filter.Fields() > 1 && can.Combine == filter.No {
		s.log.Uncombined()
	}
	if s.filtered() && can.Combine != filter.Yes {
		can.ExactIP, can.ExactStore = filter.Unknown, filter.Unknown // within a filter, each count is one by several fields
	}
	s.log.TimesAre(false, false)
	s.log.Means(can)
	s.tree.Rebuild()
}

// lookAgain looks at everything once more if the last refresh left it open whether
// rows are sampled: right after the first look, hardly anything has ended.
func (s *refresh) lookAgain() {
	if s.memory.filters.Unclear && !s.probed && s.Left() > probe.Most {
		s.look()
	}
}

// parts asks for the stores and the flag.
func (s *refresh) parts() {
	s.run(s.search.Stores())
	s.check(filter.ByStore)
	if s.filtered() && (s.limits.Filter.Flag != filter.AnyFlag || s.log.Can().Combine != filter.Yes) {
		return
	}
	s.counted(s.search.Flag()...)
	if plain, n := s.log.Count(filter.Query{Flag: filter.Plain}); n == 0 || plain < s.log.Total() { // else false may mean any
		s.check(filter.ByFlag)
	}
}

// check checks that the parts by a field do not exceed the total. If they do, the
// total is asked for again: it may have grown.
func (s *refresh) check(f filter.Field) {
	looked := s.log.PartsExceed(f) && s.Left() > 0 && s.look()
	s.log.PartsExceedTotal(f, looked)
}

// times counts the sessions past their expiry, and those not used for too long, if
// filters on times are exact to the second, combine with others, and all sessions
// have such a time.
func (s *refresh) times() {
	can := s.log.Can()
	if can.Expiry != filter.TimeBefore || can.Combine != filter.Yes || s.log.AllListed() {
		return
	}
	idle := s.limits.Idle > 0 && can.Access == filter.TimeBefore
	if !s.exactTimes(idle) {
		return
	}
	expired, unused, both := s.log.TimeFilters()
	s.counted(expired)
	n, _ := s.log.Statuses()
	if n < 0 || !idle {
		return
	}
	if n > 0 {
		s.counted(both)
	}
	s.counted(unused)
}

// exactTimes reports whether sessions can be counted by filters on times.
func (s *refresh) exactTimes(idle bool) bool {
	t := probe.NewTimes(s.log, s.limits.Filter, s.timesTried, s.timesFailed, idle)
	expiry, access := s.log.Times()
	switch {
	case !t.AllHaveThem():
		s.log.TimesAre(false, false)
		return false
	case expiry && (access || !idle):
		return true
	}
	for a := range t.Asks(s.Left()) {
		s.answer(a)
	}
	s.timesTried, s.timesFailed = t.Tried, t.Failed
	if t.Exact {
		s.log.TimesAre(true, idle)
	}
	return t.Exact
}

// window looks at a total of just one window, from a server that never counted
// further: it may not be able to.
func (s *refresh) window() {
	for qs := range s.search.Window() {
		s.ask(qs...)
		if s.log.ExceedsWindow() {
			s.log.WindowExceeded(s.look())
			return
		}
	}
	s.log.Unsure("a total of just one window, and none above it was ever seen: not taken for complete")
}

// conclude takes the last look and says what is proven.
func (s *refresh) conclude() evidence.Result {
	for range evidence.SureEmpty - 1 {
		for _, q := range s.log.Unconfirmed() {
			if s.Left() > 1 {
				s.ask(q)
			}
		}
	}
	if !s.single && s.log.Asked() > 1 && s.Left() > 0 {
		if s.lookedAgain = s.look(); s.lookedAgain {
			s.log.LookedAgain()
		}
	}
	s.takeBack()
	s.memory.remind(s.log)
	if !s.single {
		for _, f := range []filter.Field{filter.ByIP, filter.ByStore, filter.ByUser} {
			s.check(f)
		}
	}
	r := s.log.Result()
	s.memory.learn(s, &r)
	s.fixed(&r)
	return r
}
