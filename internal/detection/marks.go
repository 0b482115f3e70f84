package detection

// marks tell of numbers whether they come for the first time since clear.
type marks struct {
	round int32
	last  []int32 // the round in which each came
}

// clear forgets what came. most is how many numbers there are, as far as is known.
func (m *marks) clear(most int) {
	m.round++
	m.reach(most)
}

func (m *marks) reach(n int) {
	if n > len(m.last) {
		m.last = append(m.last, make([]int32, n-len(m.last))...)
	}
}

// first reports whether a number, which is not negative, did not come before.
func (m *marks) first(n int32) bool {
	m.reach(int(n) + 1)
	if m.last[n] == m.round {
		return false
	}
	m.last[n] = m.round
	return true
}
