// The code of all components comes once, in an element that never changes; each of them waits here for its own, by name.

function code(name) {
  const codes = (window.noisescopeCodes ??= {});
  if (!codes[name]) {
    let bring;
    codes[name] = { draws: new Promise((resolve) => (bring = resolve)) };
    codes[name].bring = bring;
  }
  return codes[name];
}

// what is brought again, by a server that was renewed, counts from then on
function bring(name, draw) {
  code(name).bring(draw);
  window.noisescopeCodes[name] = { draws: Promise.resolve(draw), bring: () => {} };
}
