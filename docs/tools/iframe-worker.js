// Search in pages that are opened from a disk. Browsers start no workers there, so an invisible frame
// runs the worker's script; whoever made the worker does not notice.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.scope = frame.contentWindow
      this.scope.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      this.scope.importScripts = (...urls) => Promise.all(urls.map(inner => this.load(inner)))
      this.ready = this.load(url)
    }

    postMessage(data) {
      this.ready.then(() => this.scope.dispatchEvent(new MessageEvent("message", { data })))
    }

    load(url) {
      return new Promise((done, failed) => {
        const script = this.scope.document.createElement("script")
        script.src = url
        script.onload = done
        script.onerror = failed
        this.scope.document.body.append(script)
      })
    }
  }
}
