// Package evidence holds what the answers of one refresh prove. It is pure: it asks
// nothing, and it sees no estimate. All that is published of an OAM is computed
// here, from a Log of answers; what to ask next is no concern of it.
//
// One answer lists at most 28 sessions and there is no second page, but its total
// counts all that match. The counts are exact for these reasons:
//
//   - A total that was asked for is a count. It is used only if the probe has proven
//     what its filter means, and if every row that came with it fits the filter
//     (totals.go).
//   - Each session has one identity store, one user, one flag and at most one
//     address. So the totals of different values of one field add up, and the total
//     of everything minus their sum is exactly what lies outside them (totals.go).
//   - A session that was listed exists, whatever the filter meant. Of those listed,
//     the ones created before t0, when the first search of the refresh was counted,
//     were all alive then, and so part of its total T0. Hence T0 − listed is never
//     negative, and if it is 0 the list is complete. Those that ended and those that
//     began meanwhile can't make up for each other (log.go).
//     Clocks have whole seconds: sessions of the very second of t0 count if nothing
//     else has moved and all counts agree with them (result.go).
//   - A session that a fully listed set must hold, and does not, has ended
//     (listed.go).
//   - An answer that nothing matches counts as 0 only in the form that package probe
//     has proven; the driver takes all others as unanswered (log.go).
//   - An answer that contradicts these shows that the answers can't be trusted: then
//     nothing is published (trust.go).
package evidence
