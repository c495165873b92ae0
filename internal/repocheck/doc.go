// Package repocheck holds the repository to its own rules: which package may
// import which, who owns each C or protocol library, that every package says what
// it is, and how long a file may be. It has only tests; no program imports it.
package repocheck
