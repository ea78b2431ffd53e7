// Passkeys: tells allauth's own script (mfa/js/webauthn.js) which form is which, and says what went wrong in the page.
(function () {
  "use strict";
  const forms = window.allauth.webauthn.forms;
  const begin = {
    add: (form, button) => forms.addForm({ ids: { add: button.id, passwordless: "id_passwordless", credential: "id_credential", data: "passkey-data" } }),
    use: (form, button) => forms.authenticateForm({ ids: { authenticate: button.id, credential: form.dataset.credential, data: "passkey-data" } }),
    login: (form, button) => forms.loginForm({ ids: { login: button.id, credential: form.dataset.credential } }),
  };
  const problem = document.querySelector("[data-passkey-problem]");

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = document.getElementById(form.dataset.button);
    if (!window.PublicKeyCredential) continue;
    document.querySelectorAll("[data-passkey-shown]").forEach((shown) => { shown.hidden = false; });
    button.addEventListener("click", () => { problem.textContent = ""; problem.hidden = true; });
    begin[form.dataset.passkey](form, button);
    // Enter in a field: the browser asks for the passkey first.
    form.addEventListener("submit", (event) => { event.preventDefault(); button.click(); });
  }
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    problem.textContent = "No passkey was given: cancelled, too late, or this device holds none for fnshare. Try again.";
    problem.hidden = false;
  });
})();
