package oam

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	at := func(frac int) time.Time { return time.Date(2017, 5, 31, 20, 56, 19, frac, time.UTC) }
	var unset time.Time
	for _, c := range []struct {
		text string
		want time.Time
		ok   bool
	}{
		{"2017-05-31T13:56:19.000-07:00", at(0), true},
		{"2017-05-31T13:56:19.123-07:00", at(123e6), true},
		{"2017-05-31T13:56:19.123456789-07:00", at(123456789), true},
		{"2017-05-31T13:56:19-07:00", at(0), true},
		{"2017-05-31T13:56:19-0700", at(0), true},
		{"2017-05-31T13:56:19.5-0700", at(5e8), true},
		{"2017-05-31T20:56:19Z", at(0), true},
		{"2017-05-31T20:56:19.000Z", at(0), true},
		{"2017-05-31T20:56:19+0000", at(0), true},
		{"2017-05-31T20:56:19+00:00", at(0), true},
		{"2017-05-31T22:56:19+02:00[Europe/Berlin]", at(0), true},
		{"1496264179000", at(0), true},
		{"1496264179123", at(123e6), true},
		{"1.496264179E12", at(0), true},
		{"1496264179", at(0), true},
		{"1496264179.000000000", at(0), true},
		{"1496264179.500000000", at(5e8), true},
		{"9999-12-31T23:59:59Z", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), true},

		// Unset.
		{"", unset, true},
		{"0", unset, true},
		{"-1", unset, true},
		{"-62135596800000", unset, true},
		{"1970-01-01T00:00:00Z", unset, true},
		{"1969-12-31T16:00:00.000-08:00", unset, true},
		{"0001-01-01T00:00:00Z", unset, true},

		// Not a time, or not one of a known zone.
		{"2017-05-31T13:56:19", unset, false},
		{"2017-05-31T13:56:19.000", unset, false},
		{"2017-05-31 13:56:19", unset, false},
		{"2017-05-31", unset, false},
		{"2017-13-31T13:56:19Z", unset, false},
		{"2017-02-30T13:56:19Z", unset, false},
		{"Wed May 31 13:56:19 PDT 2017", unset, false},
		{"yesterday", unset, false},
		{"true", unset, false},
		{"2017", unset, false},
		{"NaN", unset, false},
		{"Infinity", unset, false},
		{"1e300", unset, false},
		{"1e999", unset, false},
		{"1496264179000000", unset, false},
	} {
		got, ok := parseTime(c.text)
		if !got.Equal(c.want) || got.IsZero() != c.want.IsZero() || ok != c.ok {
			t.Errorf("%q: %s %v, want %s %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestOddTimesDoNotFailARow(t *testing.T) {
	got, err := decode([]byte(`{"totalRecords":1,"sessions":[{"userId":"a","createTime":"soon","expiryTime":"never","lastAccessTime":[2017,5,31,13,56,19,190000000],"updateTime":{"x":1}}]}`), "", "")
	if err != nil || len(got.rows) != 1 {
		t.Fatalf("got %v %+v, want one row", err, got)
	}
	r := got.rows[0]
	if !r.odd || !r.created.IsZero() || !r.expires.IsZero() || !r.accessed.IsZero() {
		t.Errorf("got %+v, want an odd row without times", r)
	}
}
