// Copy the address of what is shown: every choice is in it.

export default function ({ parentElement }) {
  const button = parentElement.querySelector(".copy"), say = (text) => { button.textContent = text; setTimeout(() => (button.textContent = "Copy link"), 2000); };
  button.onclick = () => (navigator.clipboard ? navigator.clipboard.writeText(location.href) : Promise.reject()).then(() => say("Copied"), () => say("Copy it from the address bar"));
}
