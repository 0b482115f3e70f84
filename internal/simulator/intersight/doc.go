// Package intersight serves the sessions of a world as Cisco Intersight does,
// over the REST API of https://intersight.com/apidocs, with API keys or OAuth.
package intersight
