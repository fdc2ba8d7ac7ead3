%% @doc Apple push notifications (APNs).
%%
%% An <em>app</em> is one topic in one environment with one credential. {@link start_app/2} starts
%% its engine, a native thread that owns the connections to Apple; {@link notify/3} hands a
%% notification over and returns at once, whatever Apple does. What becomes of each push comes back
%% as an event:
%%
%% ```
%% App = <<"im.example.chat">>.
%% ok = apns_nif:start_app(App, #{
%%     key_file => <<"/etc/ejabberd/AuthKey_ABC123DEFG.p8">>,
%%     team_id => <<"DEF123GHIJ">>,
%%     outcomes => all}).
%% Token = <<"00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0">>.
%% ok = apns_nif:register_token(App, <<"bob@example.org">>, Token).
%% {ok, [Id]} = apns_nif:notify(App, <<"bob@example.org">>, #{alert => <<"Hello">>}).
%% Outcome = fun Wait() ->
%%     receive
%%         {apns, App, Events} ->
%%             case [Event || #{apns_id := I} = Event <- Events, I =:= Id] of
%%                 [Event] -> Event;
%%                 [] -> Wait()
%%             end
%%     after 5000 -> nothing_yet
%%     end
%% end.
%% #{event := accepted} = Outcome().
%% ok = apns_nif:stop_app(App, 5000).
%% '''
%%
%% == Events ==
%%
%% They come as `{apns, App, [Event]}', oldest first, several at once when several are there: look
%% for yours in the list, as above. Every push that `notify' took ends in exactly one of
%% `accepted', `rejected' and `failed': see {@link event()}. Who gets them: the `reply_to' of the
%% notification, if it names one, for that notification's outcomes; the app's receiver (who called
%% `start_app', or {@link set_event_receiver/2}) for the outcomes that the option `outcomes' asks
%% for and for all else. While a receiver is dead its events are counted and dropped.
%%
%% == The library ==
%%
%% The functions are native. The module loads the library when it is loaded itself; where that
%% fails it logs one line that says what to do, and every function raises
%% `{not_loaded, apns_nif}'. {@link load/0} tells whether they work, and tries again. No process
%% should purge this module: nothing breaks, but a library that is in use is not loaded anew
%% before the node restarts.
-module(apns_nif).

%% Apps
-export([start_app/2, stop_app/2, set_event_receiver/2, stats/1]).
%% Devices of owners, the node's hot copy
-export([register_token/3, unregister_token/3, set_devices/3, forget_owner/2, forget_owners/1]).
-export([count_devices/2]).
%% Pushes
-export([notify/3, notify/4]).
%% The library
-export([load/0]).

-export_type([
    app/0, config/0, config_error/0,
    owner/0, token/0, device/0, device_error/0, target/0,
    notification/0, alert/0, sound/0, json/0, json_object/0,
    opts/0, push_type/0, priority/0, apns_id/0,
    notify_error/0,
    event/0, accepted/0, rejected/0, failed/0, cause/0, token_invalid/0,
    connection_up/0, connection_down/0, paused/0, resumed/0, credentials_reloaded/0,
    alarm/0, alarm_name/0,
    stats/0, connection/0, latency/0,
    unix_ms/0, unix_s/0,
    load_error/0
]).

%% Written by `make build': the id of the library that this module is compiled with.
-include("apns_nif_build_id.hrl").
-include_lib("kernel/include/logger.hrl").

-on_load(on_load/0).
-nifs([
    start_app/2, stop_app/2, set_event_receiver/2, stats/1,
    register_token/3, unregister_token/3, set_devices/3, forget_owner/2, forget_owners/1,
    count_devices/2,
    notify/4
]).

%%% Types

-type app() :: binary().
%% A name of your choice for one topic, environment and credential; unique in the node.

-type config() :: #{
    topic => binary(),
    environment => production | sandbox | binary(),
    key_file => binary(),
    key_id => binary(),
    team_id => binary(),
    certificate_file => binary(),
    password => binary(),
    ca_file => binary(),
    transport => http2 | binary,
    outcomes => all | failures | none,
    index_authorization => boolean(),
    registry => table | cache,
    registry_limit => pos_integer(),
    queue_limit => pos_integer(),
    queue_bytes => pos_integer(),
    queue_timeout => pos_integer(),
    connect_timeout => pos_integer(),
    response_timeout => pos_integer(),
    ping_interval => pos_integer(),
    ping_timeout => pos_integer(),
    max_connections => pos_integer(),
    connection_idle_timeout => pos_integer(),
    probe_min_interval => pos_integer(),
    probe_max_interval => pos_integer(),
    credentials_check_interval => pos_integer(),
    reconnect_min_interval => pos_integer(),
    reconnect_max_interval => pos_integer()
}.
%% Either `key_file', `key_id' and `team_id', or `certificate_file' (with `key_file' if the key has
%% a file of its own, and `password' if it is encrypted). `topic' is the app's name unless given,
%% `environment' is `production' or a URL if not Apple's. Options named `_timeout' and `_interval'
%% are milliseconds. All of them, with limits and defaults, are in `docs/apns_nif.md'.

-type config_error() ::
    {bad_option, Option :: term(), Sentence :: binary()}
    | {already_started, Differences :: [atom()]}.
%% `Sentence' says what is wrong and what to do; it holds no secret.

-type owner() :: binary().
%% Whom devices belong to, 1 to 3071 bytes; for ejabberd a bare JID.

-type token() :: binary().
%% A device token: hex digits in either case, or its 1 to 100 raw bytes; text that is not hex is
%% refused. In events it is lower-case hex.

-type device() ::
    token()
    | #{
        token := token(),
        kind => alert | voip,
        registered_at => unix_ms()
    }.
%% Of a push to its owner, a `voip' device gets the type `voip', an `alert' device (the
%% default) the types `alert' and `background'. `registered_at' is now, unless given.

-type device_error() ::
    unknown_app
    | {bad_device, Field :: token | kind | registered_at | term()}
    | {bad_owner, Sentence :: binary()}
    | {too_many, devices_of_owner | devices | owners}.

-type target() :: owner() | {token, token()}.
%% All devices of an owner that fit the push type, or one device, registered or not. Push types
%% other than `alert', `background' and `voip' have tokens of their own, and need the second.

-type notification() ::
    binary()
    | #{
        alert => binary() | alert(),
        title => binary(),
        subtitle => binary(),
        body => binary(),
        loc_key => binary(),
        loc_args => [binary()],
        title_loc_key => binary(),
        title_loc_args => [binary()],
        subtitle_loc_key => binary(),
        subtitle_loc_args => [binary()],
        launch_image => binary(),
        action_loc_key => binary(),
        action => binary(),
        badge => non_neg_integer(),
        sound => binary() | sound(),
        thread_id => binary(),
        category => binary(),
        content_available => boolean(),
        mutable_content => boolean(),
        target_content_id => binary(),
        interruption_level => passive | active | time_sensitive | critical | binary(),
        relevance_score => number(),
        filter_criteria => binary(),
        url_args => [binary()],
        stale_date => unix_s(),
        content_state => json_object(),
        timestamp => unix_s(),
        event => start | update | 'end' | binary(),
        dismissal_date => unix_s(),
        attributes_type => binary(),
        attributes => json_object(),
        input_push_token => boolean(),
        input_push_channel => binary(),
        content_changed => boolean(),
        ptt_push_type => service_update | binary(),
        custom => json_object(),
        push_type => push_type(),
        priority => priority(),
        expiration => unix_s(),
        collapse_id => binary(),
        apns_id => apns_id(),
        truncate => body | binary()
    }.
%% Apple's words with underscores, or the finished JSON. `custom' holds what stands beside `aps' in
%% the payload. The last six are not payload: see {@link opts()}. What each push type needs is in
%% `docs/apns_nif.md'.

-type alert() :: #{
    title => binary(),
    subtitle => binary(),
    body => binary(),
    loc_key => binary(),
    loc_args => [binary()],
    title_loc_key => binary(),
    title_loc_args => [binary()],
    subtitle_loc_key => binary(),
    subtitle_loc_args => [binary()],
    launch_image => binary(),
    action_loc_key => binary(),
    action => binary()
}.
%% The same keys may stand in the notification itself.

-type sound() :: #{
    name := binary(),
    critical => boolean(),
    volume => number()
}.
%% `volume', 0 to 1, goes with `critical' only, and is 1 unless given.

-type json() :: null | boolean() | number() | binary() | [json()] | json_object().
-type json_object() :: #{binary() | atom() => json()}.

-type opts() :: #{
    push_type => push_type(),
    priority => priority(),
    expiration => unix_s(),
    collapse_id => binary(),
    apns_id => apns_id(),
    truncate => body | binary(),
    reply_to => pid()
}.
%% `push_type' is `alert' unless given; `priority' the highest that Apple allows for the type;
%% without `expiration' Apple stores by its own rules, 0 asks for a single attempt. An `apns_id' of
%% your own (a UUID) needs a target of one device. With `truncate => body' the end of the alert's
%% body is cut off where the payload would be too large; finished JSON cannot be cut.

-type push_type() ::
    alert | background | voip | complication | fileprovider | location | pushtotalk
    | liveactivity | widgets | controls | mdm | binary().

-type priority() :: 10 | 5 | 1 | immediate | power_considerate | low.

-type apns_id() :: binary().
%% Names one push to one device, from `notify' to its outcome: a UUID, lower case in all answers.

-type notify_error() ::
    unknown_app
    | unknown_owner
    | overloaded
    | stopped
    | {bad_notification, Field :: term()}
    | {bad_device, token}
    | {payload_too_large, Bytes :: pos_integer(), Limit :: pos_integer()}.
%% `unknown_owner': nobody has told this node about the owner's devices, see {@link set_devices/3};
%% an owner known to have none gives `{ok, []}'. `overloaded': a bound of the queue is reached;
%% nothing of this notification was taken, nothing taken before is lost. `stopped': the app is just
%% being stopped. `Field' is given twice, unknown, missing (an alert push needs an alert, badge or
%% sound), or has a value that Apple would refuse; for finished JSON that is none it is `payload',
%% for a push type that does not go to owners `push_type': see {@link target()}; also for one that
%% Apple takes with a signing key only (`location', `liveactivity'), in an app with a certificate.

-type event() ::
    accepted() | rejected() | failed()
    | token_invalid() | connection_up() | connection_down() | paused() | resumed()
    | credentials_reloaded() | alarm().

-type accepted() :: #{
    event := accepted,
    apns_id := apns_id(),
    owner => owner(),
    token := token(),
    unique_id => binary()
}.
%% Apple took it, which says nothing about delivery. `unique_id' is Apple's `apns-unique-id', to
%% find the push in the Push Notifications Console; Apple sends it in the sandbox only. Here and
%% below, a push addressed by token has no `owner'.

-type rejected() :: #{
    event := rejected,
    apns_id := apns_id(),
    owner => owner(),
    token := token(),
    status := 100..599,
    reason => binary(),
    timestamp => unix_ms()
}.
%% Apple refused it for good: `reason' in Apple's words. With status 410 `timestamp' is when Apple
%% last knew the token to be dead.

-type failed() :: #{
    event := failed,
    apns_id := apns_id(),
    owner => owner(),
    token := token(),
    cause := cause(),
    status => 100..599,
    reason => binary()
}.
%% It ended without a final answer. `status' and `reason' are Apple's last temporary one, if any.

-type cause() ::
    superseded          %% a newer one with the same collapse_id took its place in the queue
    | expired           %% its expiration passed before Apple took it
    | stopped           %% the app was stopped
    | unknown           %% written, never answered, and sending it again might ring twice
    | unreachable       %% Apple was out of reach for as long as it may wait
    | paused            %% an alarm has paused the app for as long as it may wait
    | engine_crashed.   %% the engine crashed with it inside, and has been started again

-type token_invalid() :: #{
    event := token_invalid,
    owner => owner(),
    token := token(),
    reason => binary(),
    timestamp := unix_ms()
}.
%% The device token is dead, and the device was not registered after `timestamp': forget it. After
%% a 410 at once. `BadDeviceToken' and `DeviceTokenNotForTopic' are also what a wrong topic or
%% environment leads to: they are believed when another push is accepted, or after 10 s if one was
%% before; 10 different tokens without an accepted push between them pause the app instead.

-type connection_up() :: #{
    event := connection_up,
    address := binary()
}.

-type connection_down() :: #{
    event := connection_down,
    reason := binary(),
    retry_in => Ms :: non_neg_integer()
}.
%% Said once per outage and reason, not per attempt to connect. Without `retry_in' one of several
%% connections has ended, and the others go on.

-type paused() :: #{event := paused}.
%% Apple refuses the app (an alarm says why): pushes wait, and a single one goes now and then to
%% see whether it is over.

-type resumed() :: #{
    event := resumed,
    paused_ms := non_neg_integer()
}.
%% The pause is over, after so many milliseconds.

-type credentials_reloaded() :: #{
    event := credentials_reloaded,
    detail := binary()
}.
%% A file of key or certificate has changed, and what is in it now is used.

-type alarm() :: #{
    event := alarm,
    alarm := alarm_name(),
    detail := binary()
}.
%% An operator has to act; `detail' says on what. Said once per cause until it is over.

-type alarm_name() ::
    configuration           %% Apple refuses key, key id, team id, certificate or topic
    | clock_skew            %% this machine's clock is too far from Apple's
    | server_certificate    %% the server's certificate is not trusted, or names another host
    | certificate_expires   %% the client certificate ends in 30, 7 or 1 days
    | engine_crashed        %% the engine thread panicked and was started again
    | start_warning.        %% the app has started, but its configuration wants a look

-type stats() :: #{
    rejections := #{Reason :: binary() => pos_integer()},
    outcome_latency := latency(),
    answer_latency := latency(),
    connection_list := [connection()],
    queued := non_neg_integer(),
    queued_new := non_neg_integer(),
    queued_call := non_neg_integer(),
    queued_message := non_neg_integer(),
    queued_background := non_neg_integer(),
    queued_suspects := non_neg_integer(),
    provider_token_age_ms => non_neg_integer(),
    credentials_expire_in => Days :: non_neg_integer(),
    atom() => non_neg_integer() | latency() | #{binary() => pos_integer()} | [connection()]
}.
%% What each number says is in docs/apns_nif.md.

-type connection() :: #{
    peer := AddressAndPort :: binary(),
    state := connecting | serving | draining,
    age_ms := non_neg_integer(),
    streams := non_neg_integer(),
    max_streams := non_neg_integer(),
    window_bytes := non_neg_integer(),
    rtt_us => non_neg_integer()
}.

-type latency() :: #{
    count := non_neg_integer(),
    p50 := Microseconds :: non_neg_integer(),
    p90 := Microseconds :: non_neg_integer(),
    p99 := Microseconds :: non_neg_integer(),
    p999 := Microseconds :: non_neg_integer(),
    max := Microseconds :: non_neg_integer()
}.

-type unix_ms() :: non_neg_integer().
-type unix_s() :: non_neg_integer().

-type load_error() ::
    {missing | stale | restart_node | unusable, Sentence :: binary()}.
%% `missing': there is no library. `stale': it is not the one that this module was compiled with.
%% `restart_node': it is, but the node still runs an older one. `unusable': the system cannot load
%% it.

%%% Apps

%% @doc Starts an app, unless it runs already.
%%
%% Checks the configuration and reads the files it names; does not wait for Apple. The caller
%% becomes the receiver of the app's events. Started again with the same configuration it is
%% counted: as many calls of {@link stop_app/2} stop it, and receiver and devices stay as they are.
%% With another configuration it is refused, and the options that differ are named. The stack trace
%% of a `badarg' shows the arguments: catch it where the configuration holds a `password'.
%%
%% ```
%% ok = apns_nif:start_app(<<"im.example.chat">>, #{
%%     environment => sandbox,
%%     key_file => <<"/etc/ejabberd/AuthKey_ABC123DEFG.p8">>,
%%     key_id => <<"ABC123DEFG">>,
%%     team_id => <<"DEF123GHIJ">>
%% }).
%% '''
-spec start_app(app(), config()) -> ok | {error, config_error()}.
start_app(_App, _Config) ->
    not_loaded().

%% @doc Stops an app that was started once, or takes back one of several starts.
%%
%% New pushes are refused; those inside get `DrainMs' milliseconds (at most 60000) to end by
%% themselves, what is left ends as `failed' with cause `stopped'. Returns when the engine is gone.
%% The devices are forgotten. An app that does not run is `ok' too.
%%
%% ```
%% ok = apns_nif:stop_app(<<"im.example.chat">>, 5000).
%% '''
-spec stop_app(app(), DrainMs :: non_neg_integer()) -> ok.
stop_app(_App, _DrainMs) ->
    not_loaded().

%% @doc Names the process that gets the app's events from now on.
%%
%% ```
%% ok = apns_nif:set_event_receiver(<<"im.example.chat">>, self()).
%% '''
-spec set_event_receiver(app(), pid()) -> ok | {error, unknown_app}.
set_event_receiver(_App, _Receiver) ->
    not_loaded().

%% @doc What the app has counted since its start, and how full it is now.
%%
%% `taken' = `accepted' + `rejected' + `failed' + what is still inside. Every number is described
%% in `docs/apns_nif.md'.
%%
%% ```
%% #{taken := Taken, accepted := Accepted} = apns_nif:stats(<<"im.example.chat">>).
%% '''
-spec stats(app()) -> stats() | {error, unknown_app}.
stats(_App) ->
    not_loaded().

%%% Devices

%% @doc Adds a device to an owner; the same token again renews it.
%%
%% The owner is known to {@link notify/3} from now on. The registry lives in memory and as long as
%% the app runs: keep the truth in a database of yours. If you do, and said so with `registry =>
%% cache', an unknown owner stays unknown: use {@link set_devices/3}.
%%
%% ```
%% ok = apns_nif:register_token(App, <<"bob@example.org">>, #{
%%     token => <<"00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0">>,
%%     kind => alert,
%%     registered_at => erlang:system_time(millisecond)
%% }).
%% '''
-spec register_token(app(), owner(), device()) -> ok | {error, device_error()}.
register_token(_App, _Owner, _Device) ->
    not_loaded().

%% @doc Removes a device, if it is there. An owner without devices stays known.
%%
%% ```
%% ok = apns_nif:unregister_token(App, <<"bob@example.org">>, Token).
%% '''
-spec unregister_token(app(), owner(), token()) ->
    ok | {error, unknown_app | {bad_device, token}}.
unregister_token(_App, _Owner, _Token) ->
    not_loaded().

%% @doc Replaces all devices of an owner at once; `[]' makes the owner known to have none.
%%
%% With `registry => cache' other owners become unknown where there is no room.
%%
%% ```
%% ok = apns_nif:set_devices(App, <<"bob@example.org">>, [Phone, #{token => Pad, kind => voip}]).
%% '''
-spec set_devices(app(), owner(), [device()]) -> ok | {error, device_error()}.
set_devices(_App, _Owner, _Devices) ->
    not_loaded().

%% @doc Makes the owner unknown, so that the next `notify' says `unknown_owner'.
%%
%% ```
%% ok = apns_nif:forget_owner(App, <<"bob@example.org">>).
%% '''
-spec forget_owner(app(), owner()) -> ok | {error, unknown_app}.
forget_owner(_App, _Owner) ->
    not_loaded().

%% @doc Makes all owners unknown: for when nobody can say which of the copies are still right.
%%
%% ```
%% ok = apns_nif:forget_owners(App).
%% '''
-spec forget_owners(app()) -> ok | {error, unknown_app}.
forget_owners(_App) ->
    not_loaded().

%% @doc How many devices an owner has, of either kind.
%%
%% Much cheaper than {@link notify/3} for those who have none: ask first where a notification is
%% dear to make. `unknown_owner' says what it says there, but is not counted in {@link stats/1}.
%%
%% ```
%% {ok, 2} = apns_nif:count_devices(App, <<"bob@example.org">>).
%% '''
-spec count_devices(app(), owner()) ->
    {ok, non_neg_integer()} | {error, unknown_app | unknown_owner}.
count_devices(_App, _Owner) ->
    not_loaded().

%%% Pushes

%% @doc The same as {@link notify/4} without options.
%%
%% ```
%% {ok, Ids} = apns_nif:notify(App, <<"bob@example.org">>, #{
%%     title => <<"Alice">>,
%%     body => <<"Are you there?">>,
%%     badge => 3,
%%     sound => <<"default">>,
%%     thread_id => <<"alice">>,
%%     custom => #{conversation => <<"alice@example.org">>}
%% }).
%% '''
-spec notify(app(), target(), notification()) -> {ok, [apns_id()]} | {error, notify_error()}.
notify(App, Target, Notification) ->
    notify(App, Target, Notification, #{}).

%% @doc Queues one push for each device of the target, or none at all, and returns at once.
%%
%% `{ok, ApnsIds}' has one id for each push, in no promised order; each of them ends in exactly one
%% outcome. An error means that nothing was queued.
%%
%% ```
%% {ok, [_]} = apns_nif:notify(App, {token, Token}, <<"{\"aps\":{\"content-available\":1}}">>, #{
%%     push_type => background,
%%     expiration => erlang:system_time(second) + 3600,
%%     reply_to => self()
%% }).
%% '''
-spec notify(app(), target(), notification(), opts()) ->
    {ok, [apns_id()]} | {error, notify_error()}.
notify(_App, _Target, _Notification, _Opts) ->
    not_loaded().

%%% The library

%% @doc Whether the library is loaded; if not, tries to load it.
%%
%% Logs nothing: `Sentence' says what to do. A library that was missing may be put in its place and
%% loaded without a restart of the node.
%%
%% ```
%% case apns_nif:load() of
%%     ok -> pushing;
%%     {error, {_Kind, Sentence}} -> io:format("no pushes: ~ts~n", [Sentence])
%% end.
%% '''
-spec load() -> ok | {error, load_error()}.
load() ->
    case load_library() of
        ok -> ok;
        {error, {_Kind, _Sentence} = Reason} -> {error, Reason};
        {in_use, Sentence} -> {error, {restart_node, Sentence}}
    end.

%% Succeeds without a library too: its absence must not make the module undefined for those who can
%% do without pushes. But it must not replace an instance of the module whose library works and,
%% being in use, cannot be loaded for this one.
on_load() ->
    case load_library() of
        ok ->
            ok;
        {error, {_Kind, Sentence}} ->
            ?LOG_ERROR("apns_nif: ~ts", [Sentence]),
            ok;
        {in_use, Sentence} ->
            ?LOG_ERROR("apns_nif: ~ts", [Sentence]),
            {error, restart_node}
    end.

-spec load_library() -> ok | {error, load_error()} | {in_use, Sentence :: binary()}.
load_library() ->
    Path = library_path(),
    case erlang:load_nif(Path, ?BUILD_ID) of
        ok ->
            ok;
        {error, {reload, _Text}} ->
            ok;
        {error, {upgrade, _Text}} ->
            {in_use, <<"the library is in use and cannot be replaced: restart the node">>};
        {error, {Kind, Text}} ->
            File = Path ++ ".so",
            {error, explain(Kind, Text, File)}
    end.

%% A library of another build refuses the build id (`load'), or lacks a function (`bad_lib'). The
%% system's loader gives the code that it has already mapped for a path, whatever the file holds by
%% now; so look into the file to tell who is old.
explain(Kind, _Text, File) when Kind =:= load; Kind =:= bad_lib ->
    case holds_build_id(File) of
        true ->
            {restart_node,
                sentence("~ts is the right library, but the node still runs an older one: "
                    "restart the node", [File])};
        false ->
            {stale,
                sentence("~ts is not the library that this module was compiled with (~ts): "
                    "run `make build` or `make install`, then restart the node",
                    [File, ?BUILD_ID])}
    end;
explain(_Kind, Text, File) ->
    case filelib:is_regular(File) of
        true ->
            {unusable, sentence("~ts cannot be loaded: ~ts", [File, Text])};
        false ->
            {missing, sentence("~ts is missing: run `make build` or `make install`", [File])}
    end.

holds_build_id(File) ->
    case file:read_file(File) of
        {ok, Bytes} -> binary:match(Bytes, ?BUILD_ID) =/= nomatch;
        {error, _Reason} -> false
    end.

%% Without suffix, as erlang:load_nif/2 wants it. Beside the module where the application's folder
%% has another name than the application, as in ejabberd's folder of modules.
library_path() ->
    Priv =
        case code:priv_dir(?MODULE) of
            {error, bad_name} ->
                Ebin = filename:dirname(code:which(?MODULE)),
                filename:join(filename:dirname(Ebin), "priv");
            Folder ->
                Folder
        end,
    filename:join(Priv, "apns_nif").

sentence(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).

%% Not no_return(): dialyzer would believe that no function of this module ever returns.
-spec not_loaded() -> term().
not_loaded() ->
    erlang:nif_error({not_loaded, ?MODULE}).
