package engine

import (
	"slices"
	"sync"
)

// warnings are the sentences the operator should know now, one per key.
type warnings struct {
	mu   sync.Mutex
	list []Warning // guarded by mu
}

// set adds a sentence, or changes that of a key; whatever names itself in an error inside
// it is left out.
func (w *warnings) set(key, text string, tick int64) {
	text = plainWithin(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.list {
		if w.list[i].Key == key {
			w.list[i].Text = text
			return
		}
	}
	w.list = append(w.list, Warning{key, text, tick})
}

func (w *warnings) clear(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = slices.DeleteFunc(w.list, func(x Warning) bool { return x.Key == key })
}

// warner sets the sentence of a key, and clears it where that is "".
func (e *Engine) warner(key string) func(text string) {
	return func(text string) {
		if text == "" {
			e.warn.clear(key)
			return
		}
		e.warn.set(key, text, e.state.Load().Tick)
	}
}

func (w *warnings) all() []Warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.list)
}
