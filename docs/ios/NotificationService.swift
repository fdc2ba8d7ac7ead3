import UserNotifications

/// A notification service extension: it sees each alert before the user does, because of `mutable-content`, and has about thirty
/// seconds to put the message itself in its place. So Apple needs to learn nothing: `content: none` on the server, and the text
/// from the user's own archive (XEP-0313), decrypted here.
final class NotificationService: UNNotificationServiceExtension {
    private var deliver: ((UNNotificationContent) -> Void)?
    private var best = UNMutableNotificationContent()

    override func didReceive(_ request: UNNotificationRequest,
                             withContentHandler deliver: @escaping (UNNotificationContent) -> Void) {
        guard let content = request.content.mutableCopy() as? UNMutableNotificationContent else {
            return deliver(request.content)
        }
        self.deliver = deliver
        best = content
        // The app's keychain and its store in an app group are what both processes see.
        Archive.newest { [weak self] message in
            if let message {
                content.title = message.sender
                content.body = message.text
            }
            self?.finish()
        }
    }

    /// Time is up: what the server wrote, "New message" by default.
    override func serviceExtensionTimeWillExpire() { finish() }

    private func finish() {
        deliver?(best)
        deliver = nil
    }
}
