// Package criteria decides whether a release meets its release criteria.
//
// A [Policy] holds the questions, [Evidence] what reports say, and
// [Policy.Evaluate] answers every question as a pure function of the release,
// the evidence and the time: no clock, no network, no files. That is why a
// [Decision] can be replayed.
//
// The engine, not the criterion, keeps evidence to the subjects it is about,
// turns missing, unreadable and stale evidence into unknown, and applies
// waivers. The criteria themselves are in package catalogue, the readers of
// reports in package evidence; neither is known here.
package criteria
