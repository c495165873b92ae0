package scenes

// sound checks buses, inserts, and what refers to them.
func (c *examination) sound() {
	buses := map[string]bool{ProgrammeBus: true}
	names := []string{ProgrammeBus}
	seen := map[string]bool{}
	for i, v := range c.root.get("buses").list() {
		id, ok := v.str("id")
		if !ok {
			continue
		}
		if seen[id] {
			c.add(v.get("id").start, element("$.buses", i)+".id", "the id %q is taken by another bus; ids must differ", id)
		}
		seen[id] = true
		if !buses[id] {
			buses[id], names = true, append(names, id)
		}
	}
	bus := func(n *node, path, key string) {
		if id, ok := n.str(key); ok && id != "" && !buses[id] {
			c.add(n.get(key).start, child(path, key), "there is no bus %q%s", id, c.didYouMean(id, names))
		}
	}
	for i, v := range c.root.get("buses").list() {
		path := element("$.buses", i)
		id, _ := v.str("id")
		minus := v.get("mix_minus")
		if id == ProgrammeBus && len(minus.list()) > 0 {
			c.add(minus.start, path+".mix_minus", "the programme is no mix-minus: it is what a mix-minus is taken from")
		}
		for j, s := range minus.list() {
			if s.kind == '"' {
				if c.names[s.text].list != "sources" {
					c.add(s.start, element(path+".mix_minus", j), "there is no source %q%s", s.text, c.didYouMean(s.text, c.candidates("sources")))
				}
			}
		}
		c.inserts(v, path)
	}
	for i, v := range c.root.get("sources").list() {
		path := element("$.sources", i) + ".audio"
		strip := v.get("audio")
		sent := map[string]bool{}
		for j, send := range strip.get("sends").list() {
			at := element(path+".sends", j)
			bus(send, at, "bus")
			if id, ok := send.str("bus"); ok && sent[id] {
				c.add(send.start, at+".bus", "there is a send to %q already; keep one", id)
			} else if ok {
				sent[id] = true
			}
		}
		c.inserts(strip, path)
	}
	for i, v := range c.root.get("renditions").list() {
		bus(v.get("audio"), element("$.renditions", i)+".audio", "bus")
	}
	for i, v := range c.root.get("destinations").list() {
		bus(v, element("$.destinations", i), "bus")
		for j, t := range v.get("tracks").list() {
			bus(t, element(element("$.destinations", i)+".tracks", j), "bus")
		}
	}
	for i, v := range c.root.get("recordings").list() {
		for j, t := range v.get("tracks").list() {
			bus(t, element(element("$.recordings", i)+".tracks", j), "bus")
		}
	}
}

// inserts checks the inserts of a strip or a bus.
func (c *examination) inserts(owner *node, path string) {
	seen := map[string]bool{}
	for i, v := range owner.get("inserts").list() {
		path := element(path+".inserts", i)
		if id, ok := v.str("id"); ok && id != "" {
			if seen[id] {
				c.add(v.get("id").start, path+".id", "the id %q is taken by another insert here; ids must differ", id)
			}
			seen[id] = true
		}
		kind, ok := v.str("kind")
		if !ok {
			continue // the schema has said so
		}
		k, ok := insertKindOf(kind)
		if !ok {
			c.add(v.get("kind").start, path+".kind", "there is no kind of insert %q%s", kind, c.didYouMean(kind, insertNames()))
			continue
		}
		settings := v.get("settings")
		if settings == nil || settings.kind != '{' {
			continue
		}
		c.schema(path+".settings", settings, k.compiled, settings.start, true)
		if key, ok := settings.str("key"); ok && key != "" {
			c.reference(settings, path+".settings", "key", "sources")
		}
	}
}
