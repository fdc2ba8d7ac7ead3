import Foundation

/// What an app tells `mod_push_service`, and when. It knows no XMPP library: `send` takes the child of an `<iq type='set'/>`
/// without `to`, and calls back with nil for a result, or with the error's condition, as "internal-server-error".
///
/// The two tokens come when Apple likes, the session when the network does: whichever comes last, the device is registered once
/// both the session and the alert token are there, and again whenever a token changes.
final class PushClient {
    typealias Send = (_ child: String, _ answer: @escaping (_ condition: String?) -> Void) -> Void

    enum State: Equatable { case off, waiting, sent, registered, refused(condition: String) }

    /// The server's option `host`: `push.` and the account's domain, unless its administrator says otherwise.
    private let service: String
    /// The same after each start of the app, another after it is installed anew: make a UUID and keep it in UserDefaults.
    private let deviceId: String
    private let deviceName: String
    /// "sandbox" for what Xcode installs, "production" from TestFlight and the App Store.
    private let environment: String
    private let send: Send
    private(set) var state = State.off
    private var isOnline = false
    private var isLeaving = false
    private var alertToken: String?
    private var voipToken: String?
    private var sentTokens: [String?] = []

    init(service: String, deviceId: String, deviceName: String, environment: String, send: @escaping Send) {
        self.service = service
        self.deviceId = deviceId
        self.deviceName = deviceName
        self.environment = environment
        self.send = send
    }

    /// A new session was bound.
    func sessionStarted() {
        sentTokens = []
        sessionResumed()
    }

    /// A session was resumed (XEP-0198): the server still knows what it was told, and hears of what has changed since.
    func sessionResumed() {
        isOnline = true
        isLeaving = false
        if state == .sent { sentTokens = [] }       // the answer may have been lost with the connection
        registerIfReady()
    }

    /// The connection is gone. Nothing is to be told: the server pushes from now on.
    func connectionLost() { isOnline = false }

    func received(alertToken token: Data) {
        alertToken = Self.hex(token)
        registerIfReady()
    }

    func received(voipToken token: Data) {
        voipToken = Self.hex(token)
        registerIfReady()
    }

    /// PushKit took its token back: calls go to the alert token from now on. Both tokens end, and the other is registered anew.
    func invalidatedVoipToken() {
        guard voipToken != nil else { return }
        voipToken = nil
        guard isOnline, !isLeaving, let token = alertToken else { return }
        send(disable(token)) { [weak self] _ in self?.registerIfReady() }
    }

    /// Call it when the user logs out, and end the stream (`</stream:stream>`) in `done`. Without a connection nothing can be
    /// told: the server notices when Apple does. Never call it because the app goes to the background.
    func logOut(done: @escaping () -> Void) {
        isLeaving = true
        state = .off
        guard isOnline, let token = alertToken else { return done() }
        send(disable(token)) { _ in done() }
    }

    private func disable(_ token: String) -> String {
        "<disable xmlns='urn:xmpp:push:0' jid='\(Self.escaped(service))' node='\(token)'/>"
    }

    private func registerIfReady() {
        guard !isLeaving, let token = alertToken else { return }
        guard isOnline else { state = .waiting; return }
        guard sentTokens != [alertToken, voipToken] else { return }
        sentTokens = [alertToken, voipToken]
        let tokens = sentTokens
        state = .sent
        send(enable(token)) { [weak self] condition in
            guard let self, self.sentTokens == tokens, !self.isLeaving else { return }
            guard let condition else { self.state = .registered; return }
            // The error's text says what is wrong: write it to your log. "resource-constraint" and "internal-server-error" pass:
            // the next session tries again. The others do not pass by themselves.
            self.state = .refused(condition: condition)
        }
    }

    private func enable(_ token: String) -> String {
        var fields = [("device_id", deviceId), ("device_name", deviceName), ("environment", environment),
                      ("remove_on_logout", "true")]
        if let voipToken { fields.append(("voip_token", voipToken)) }
        let form = fields.map { name, value in
            "<field var='\(name)'><value>\(Self.escaped(value))</value></field>"
        }.joined()
        return "<enable xmlns='urn:xmpp:push:0' jid='\(Self.escaped(service))' node='\(token)'>"
            + "<x xmlns='jabber:x:data' type='submit'>"
            + "<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
            + form + "</x></enable>"
    }

    static func hex(_ token: Data) -> String { token.map { String(format: "%02x", $0) }.joined() }

    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "'": out += "&apos;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }
}

/// What is in a push of the server's, beside `aps`.
struct Push {
    struct Call {
        let id: String
        let isVideo: Bool
        let from: String?
    }

    /// The same for one conversation; it says nothing about it.
    let thread: String?
    let call: Call?

    init(_ payload: [AnyHashable: Any]) {
        thread = (payload["aps"] as? [String: Any])?["thread-id"] as? String
        if let call = payload["call"] as? [String: Any], let id = call["id"] as? String {
            let media = call["media"] as? [String] ?? []
            self.call = Call(id: id, isVideo: media.contains("video"), from: call["from"] as? String)
        } else {
            call = nil
        }
    }
}
