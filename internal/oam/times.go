package oam

import (
	"strconv"
	"strings"
	"time"
)

// parseTime reads a time in any form that OAM may print: as Oracle's examples
// (2017-05-31T13:56:19.000-07:00; the fraction may be missing, the zone may be Z
// or without a colon), or as milliseconds or seconds since 1970, as other Java
// mappers do. An empty text, null, and 1970 or before mean unset. A time without
// a zone is of no use, as the server's is not known. It reports false, and no
// time, where the text is something else.
func parseTime(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return fromEpoch(n)
	}
	s, _, _ = strings.Cut(s, "[") // java.time adds the zone's name: [Europe/Berlin]
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Unix() <= 0 {
				return time.Time{}, true
			}
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// fromEpoch tells seconds from milliseconds by their size: as seconds, 1e11 is
// the year 5138; as milliseconds, it is 1973.
func fromEpoch(n float64) (time.Time, bool) {
	switch {
	case n < 1:
		return time.Time{}, true
	case n >= 1e8 && n < 1e11:
		return time.UnixMicro(int64(n * 1e6)).UTC(), true
	case n >= 1e11 && n < 1e14:
		return time.UnixMilli(int64(n)).UTC(), true
	}
	return time.Time{}, false
}
