package world

import (
	"math"
	"time"
)

// Steady is the rhythm of a world without day and night.
func Steady(time.Time) float64 { return 1 }

// OfficeHours is the rhythm of people who work by day (UTC), less in the middle
// of it, and few of them at night and at weekends.
func OfficeHours(t time.Time) float64 {
	t = t.UTC()
	hour := float64(t.Hour()) + float64(t.Minute())/60
	bump := func(middle, width float64) float64 {
		d := (hour - middle) / width
		return math.Exp(-d * d)
	}
	share := 0.06 + 0.94*min(1, bump(10, 2.2)+0.95*bump(15, 2.4))
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		share = 0.06 + share/8
	}
	return share
}

// Wave returns a rhythm that swings around 1 by the given share, once a period.
func Wave(period time.Duration, swing float64) func(time.Time) float64 {
	return func(t time.Time) float64 {
		phase := float64(t.UnixNano()%int64(period)) / float64(period)
		return 1 + swing*math.Sin(2*math.Pi*phase)
	}
}
