import CallKit
import PushKit
import UIKit
import UserNotifications

/// Your XMPP connection, as this example needs it.
protocol Connection: AnyObject {
    /// Connects, and binds or resumes a session. It calls sessionStarted() or sessionResumed() of MyApp.push, and connectionLost().
    func connect()
    /// Sends `<iq type='set'/>` without `to`, with this child. The answer is nil for a result, else the error's condition.
    func send(iqChild: String, answer: @escaping (String?) -> Void)
    /// Answers the call with this XEP-0353 id.
    func accept(call id: String, done: @escaping (Bool) -> Void)
    func reject(call id: String)
}

enum MyApp {
    static let connection: Connection = YourConnection()

    static let push = PushClient(service: "push.example.org", deviceId: deviceId, deviceName: UIDevice.current.name,
                                 environment: environment) { child, answer in
        connection.send(iqChild: child, answer: answer)
    }

    #if DEBUG
    private static let environment = "sandbox"
    #else
    private static let environment = "production"
    #endif

    private static let deviceId: String = {
        if let known = UserDefaults.standard.string(forKey: "deviceId") { return known }
        let new = UUID().uuidString
        UserDefaults.standard.set(new, forKey: "deviceId")
        return new
    }()
}

@main
final class AppDelegate: UIResponder, UIApplicationDelegate, PKPushRegistryDelegate {
    var window: UIWindow?
    private let push = MyApp.push
    private let connection = MyApp.connection
    private lazy var calls = Calls(connection: connection)
    private let voip = PKPushRegistry(queue: .main)

    func application(_ application: UIApplication,
                     didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]?) -> Bool {
        UNUserNotificationCenter.current().requestAuthorization(options: [.alert, .badge, .sound]) { _, _ in }
        application.registerForRemoteNotifications()    // at each start: Apple changes tokens
        voip.delegate = self
        voip.desiredPushTypes = [.voIP]
        connection.connect()
        return true
    }

    func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken token: Data) {
        push.received(alertToken: token)
    }

    func application(_ application: UIApplication, didFailToRegisterForRemoteNotificationsWithError error: Error) {
        // No capability, or no network: iOS does not try again before the next start.
        NSLog("No device token: %@", error.localizedDescription)
    }

    // MARK: PushKit

    func pushRegistry(_ registry: PKPushRegistry, didUpdate credentials: PKPushCredentials, for type: PKPushType) {
        push.received(voipToken: credentials.token)
    }

    func pushRegistry(_ registry: PKPushRegistry, didInvalidatePushTokenFor type: PKPushType) {
        push.invalidatedVoipToken()
    }

    func pushRegistry(_ registry: PKPushRegistry, didReceiveIncomingPushWith payload: PKPushPayload,
                      for type: PKPushType, completion: @escaping () -> Void) {
        // iOS ends an app that does not report a call for a PushKit push, whatever is in it.
        calls.report(Push(payload.dictionaryPayload).call, completion: completion)
        connection.connect()
    }
}

/// Calls between CallKit and the connection.
final class Calls: NSObject, CXProviderDelegate {
    private let connection: Connection
    private let provider: CXProvider
    /// CallKit's names for the calls that rang, by XEP-0353's. The same call may be pushed twice.
    private var ringing: [String: UUID] = [:]

    init(connection: Connection) {
        self.connection = connection
        let configuration = CXProviderConfiguration()
        configuration.supportsVideo = true
        configuration.supportedHandleTypes = [.generic]
        provider = CXProvider(configuration: configuration)
        super.init()
        provider.setDelegate(self, queue: .main)
    }

    func report(_ call: Push.Call?, completion: @escaping () -> Void) {
        let known = call.flatMap { ringing[$0.id] }
        let uuid = known ?? UUID()
        if let call { ringing[call.id] = uuid }
        let update = CXCallUpdate()
        update.remoteHandle = CXHandle(type: .generic, value: call?.from ?? "Call")
        update.hasVideo = call?.isVideo ?? false
        provider.reportNewIncomingCall(with: uuid, update: update) { [weak self] error in
            // Twice, or a test: known calls are refused here and ring on, and what is no call ends at once.
            if call == nil { self?.provider.reportCall(with: uuid, endedAt: nil, reason: .failed) }
            if error != nil, known == nil, let call { self?.ringing[call.id] = nil }
            completion()
        }
    }

    /// To be called when the caller gave up (XEP-0353 `<retract/>`), or another device answered.
    func ended(call id: String, reason: CXCallEndedReason) {
        if let uuid = ringing.removeValue(forKey: id) { provider.reportCall(with: uuid, endedAt: nil, reason: reason) }
    }

    func provider(_ provider: CXProvider, perform action: CXAnswerCallAction) {
        guard let id = id(of: action.callUUID) else { return action.fail() }
        connection.accept(call: id) { accepted in accepted ? action.fulfill() : action.fail() }
    }

    func provider(_ provider: CXProvider, perform action: CXEndCallAction) {
        if let id = id(of: action.callUUID) {
            connection.reject(call: id)
            ringing[id] = nil
        }
        action.fulfill()
    }

    func providerDidReset(_ provider: CXProvider) { ringing = [:] }

    private func id(of uuid: UUID) -> String? { ringing.first { $0.value == uuid }?.key }
}
