package detection

import "time"

// Hours are times of the week on the clocks of a time zone.
type Hours struct {
	Days     []time.Weekday // on which From lies
	From, To time.Duration  // since midnight, as the clock shows it: From is inside, To is not. From > To goes over midnight
	Zone     *time.Location
}

// Contains reports whether a moment is inside.
func (h *Hours) Contains(t time.Time) bool {
	t = t.In(h.Zone)
	hour, minute, second := t.Clock()
	at := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(t.Nanosecond())
	today := h.on(t.Weekday())
	if h.From <= h.To {
		return today && at >= h.From && at < h.To
	}
	return today && at >= h.From || at < h.To && h.on((t.Weekday()+6)%7)
}

func (h *Hours) on(day time.Weekday) bool {
	for _, d := range h.Days {
		if d == day {
			return true
		}
	}
	return false
}
