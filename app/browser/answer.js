// What a network says of a digit: how sure it is of each class, beside what it said of the clean one, and a verdict.

const percent = (share) => `${Math.round(100 * share)} %`;

// say in one line what the network made of the clean and of the changed digit, and whether it was fooled
function verdict(before, after, truth) {
  const [a, b] = [top(before), top(after)];
  const said = `${a}, ${percent(before[a])} sure \u2192 ${b}, ${percent(after[b])} sure`;
  const [state, words] =
    truth === null ? (a === b ? ["same", "the answer stays"] : ["changed", "the answer changed"])
    : b === truth ? ["right", "right"]
    : a === truth ? ["fooled", "fooled"]
    : ["wrong", `wrong from the start, it is a ${truth}`];
  return { state, text: `${said}: ${words}` };
}

class Answer {
  // `aim` hears of the class that somebody wants it to be read as
  constructor(truth, aim) {
    this.truth = truth;
    this.bars = Array.from({ length: 10 }, () => ({ now: el("span", { className: "now" }), was: el("span", { className: "was" }), percent: el("span", { className: "percent" }) }));
    const rows = this.bars.flatMap((bar, k) => [el("button", { className: "aim", type: "button", textContent: k, title: `Make it read as a ${k}`, ariaLabel: `Make it read as a ${k}`, onclick: () => aim(k) }), el("span", { className: "bar" + (k === truth ? " truth" : "") }, bar.now, bar.was), bar.percent]);
    this.said = el("p", { className: "verdict", ariaLive: "polite" });
    const key = "Bar: how sure it is now. Line: on the clean image." + (truth === null ? "" : " Outlined: the right answer.") + " Click a digit to make it read so.";
    this.element = el("div", { className: "answer" }, el("h2", { textContent: "Answer" }), this.said, el("div", { className: "bars" }, ...rows), el("p", { className: "key", textContent: key }));
  }

  // show probabilities of the clean and of the changed digit; return the verdict's words
  show(before, after) {
    this.bars.forEach(({ now, was, percent: told }, k) => {
      now.style.transform = `scaleX(${after[k]})`;
      was.style.left = `${100 * before[k]}%`;
      told.textContent = percent(after[k]);
    });
    const { state, text } = verdict(before, after, this.truth);
    this.said.textContent = text;
    this.said.dataset.state = state;
    return text;
  }
}
