// Package faults answers as networks, proxies, broken servers and attackers do,
// in front of a simulated API or instead of one. Only tests need it.
package faults
