package scenes

import (
	"fmt"
	"regexp"
	"time"
)

// timeForm is the form that the schema asks of start_at and stop_at. What does not have it
// has been said by the schema.
var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`)

// noSuchTime says of a time in that form that no calendar or clock has it, which the form
// does not see: the 31st of April, or 24:00. It would never come.
func noSuchTime(text string) error {
	if !timeForm.MatchString(text) {
		return nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("there is no such day or time as %s", text)
	}
	return nil
}

// times checks when destinations start and stop. Like settings, it stops no show from
// being opened: the destination is then not switched by the clock.
func (c *examination) times() {
	for i, d := range c.root.get("destinations").list() {
		for _, key := range [...]string{"start_at", "stop_at"} {
			if text, ok := d.str(key); ok {
				if err := noSuchTime(text); err != nil {
					c.add(d.get(key).start, element("$.destinations", i)+"."+key, "%s", err)
				}
			}
		}
	}
}

// checkTimes is the same for one that is put into a show.
func (d Destination) checkTimes() error {
	for _, v := range [...]struct{ what, text string }{{"start_at", d.StartAt}, {"stop_at", d.StopAt}} {
		if err := noSuchTime(v.text); err != nil {
			return &InvalidError{[]Mistake{{"$." + v.what, err.Error()}}}
		}
	}
	return nil
}
