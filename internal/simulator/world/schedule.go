package world

import "time"

// What can be due.
type duty uint8

const (
	dutyArrive  duty = iota // somebody may log in
	dutyTry                 // a person tries to log in
	dutyAct                 // a person uses a session or leaves it
	dutyTimer               // a session may have reached a limit
	dutyBrute               // a brute force begins
	dutyAttempt             // one attempt of a brute force
)

// due is something that will happen at a time. Where two are due at once, the
// one scheduled first comes first.
type due struct {
	at    int64 // Unix nanoseconds
	seq   uint64
	duty  duty
	left  int // dutyAttempt: attempts to come
	pool  *pool
	entry *Entry
	who   *person
	from  string
}

func (d due) before(o due) bool { return d.at < o.at || d.at == o.at && d.seq < o.seq }

// schedule is a heap of what is due.
type schedule struct {
	heap []due
	seq  uint64
}

// push adds d at a time and returns its number.
func (s *schedule) push(at time.Time, d due) uint64 {
	s.seq++
	d.at, d.seq = at.UnixNano(), s.seq
	s.heap = append(s.heap, d)
	for i := len(s.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.heap[i].before(s.heap[up]) {
			break
		}
		s.heap[i], s.heap[up] = s.heap[up], s.heap[i]
		i = up
	}
	return d.seq
}

// pop takes the next that is due at or before a time.
func (s *schedule) pop(until time.Time) (due, bool) {
	if len(s.heap) == 0 || s.heap[0].at > until.UnixNano() {
		return due{}, false
	}
	top, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap[last] = due{}
	s.heap = s.heap[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if s.heap[c].before(s.heap[least]) {
				least = c
			}
		}
		if least == i {
			return top, true
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}
