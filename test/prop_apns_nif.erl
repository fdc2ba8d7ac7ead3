%% @doc Properties of apns_nif that hold for any term.
%%
%% Written with PropEr's functions, since not every distribution ships its macros.
-module(prop_apns_nif).

-export([any_call/0]).

%% Every function, with terms that are nearly right and terms that are not at all, returns what its
%% specification says or raises badarg.
any_call() ->
    proper:forall(call(), fun({Function, Arguments}) ->
        try apply(apns_nif, Function, Arguments) of
            Result -> is_answer(Function, Result)
        catch
            error:badarg -> true
        after
            stop(Function, Arguments)
        end
    end).

is_answer(stats, Result) when is_map(Result) -> true;
is_answer(count_devices, {ok, N}) -> is_integer(N) andalso N >= 0;
is_answer(notify, {ok, Ids}) -> is_list(Ids);
is_answer(stop_app, ok) -> true;
is_answer(stop_app, _) -> false;
is_answer(_Function, ok) -> true;
is_answer(_Function, {error, _Reason}) -> true;
is_answer(_Function, _) -> false.

%% An app that started by chance must not reach for Apple for long.
stop(start_app, [App | _]) when is_binary(App) ->
    ok = apns_nif:stop_app(App, 0);
stop(_Function, _Arguments) ->
    ok.

call() ->
    oneof([
        {start_app, [other_app(), map_of(options())]},
        {stop_app, [other_app(), nearly(range(0, 10))]},
        {set_event_receiver, [other_app(), anything()]},
        {stats, [app()]},
        {register_token, [app(), owner(), device()]},
        {unregister_token, [app(), owner(), token()]},
        {set_devices, [app(), owner(), nearly(few(device()))]},
        {forget_owner, [app(), owner()]},
        {forget_owners, [app()]},
        {count_devices, [app(), owner()]},
        {notify, [app(), target(), notification()]},
        {notify, [app(), target(), notification(), map_of(opts())]}
    ]).

%%% Terms that are nearly right

app() ->
    weighted([{9, <<"im.example.chat">>}, {1, anything()}]).

%% Not the app that the suite needs.
other_app() ->
    nearly(oneof([<<"other">>, <<>>, <<255>>])).

owner() ->
    nearly(oneof([<<"bob">>, <<"alice">>, binary()])).

token() ->
    nearly(oneof([<<"00ff">>, binary()])).

device() ->
    oneof([token(), map_of([token, kind, registered_at])]).

target() ->
    oneof([owner(), {token, token()}, anything()]).

notification() ->
    Maps = map_of(notification_keys()),
    oneof([binary(), <<"{\"aps\":{}}">>, Maps, apply_to(fun hello/1, Maps), anything()]).

%% What can be sent, if nothing is wrong with the rest.
hello(Map) when is_map(Map) -> maps:merge(Map, #{alert => <<"Hello">>});
hello(Other) -> Other.

map_of(Keys) ->
    map_of(Keys, oneof([value(), map_of(notification_keys(), value())])).

map_of(Keys, Value) ->
    Pair = {weighted([{19, oneof(Keys)}, {1, anything()}]), Value},
    nearly(apply_to(fun maps:from_list/1, few(Pair))).

value() ->
    oneof([
        <<"text">>, binary(), body, true, false, 0, 1, 10, alert, voip, background, self(),
        integer(), float(), few(binary()), anything()
    ]).

options() ->
    [
        topic, environment, key_file, key_id, team_id, certificate_file, password, ca_file,
        transport, outcomes, index_authorization, queue_limit, queue_bytes, queue_timeout,
        connect_timeout, response_timeout, ping_interval, ping_timeout, max_connections,
        connection_idle_timeout, reconnect_min_interval, reconnect_max_interval,
        probe_min_interval, probe_max_interval, credentials_check_interval
    ].

opts() ->
    [push_type, priority, expiration, collapse_id, apns_id, truncate, reply_to].

notification_keys() ->
    [
        alert, title, subtitle, body, loc_key, loc_args, title_loc_key, title_loc_args,
        subtitle_loc_key, subtitle_loc_args, launch_image, action_loc_key, action, badge, sound,
        name, critical, volume, thread_id, category, content_available, mutable_content,
        target_content_id, interruption_level, relevance_score, filter_criteria, content_changed,
        url_args, ptt_push_type, event, timestamp, content_state, stale_date, dismissal_date,
        attributes_type, attributes, input_push_token, input_push_channel, custom
        | opts()
    ].

%% So few that their keys have a chance to be all right.
few(Type) ->
    oneof([[], [Type], [Type, Type], [Type, Type, Type]]).

nearly(Type) ->
    weighted([{12, Type}, {1, anything()}]).

%% Terms of all kinds, also those that PropEr's own any() never makes.
anything() ->
    oneof([
        proper_types:any(),
        proper_types:bitstring(),
        integer(),
        self(), make_ref(), proper_types:exactly(fun() -> ok end),
        1 bsl 200, -(1 bsl 63), 1.0e308, [a | b], [[] | {}],
        'an atom with \x{e9}\x{4e00}', #{}, #{#{} => #{}}, {}, <<0>>, lists:seq(1, 300),
        binary:copy(<<"x">>, 70000)
    ]).

%%% PropEr's types, without its macros

oneof(Types) -> proper_types:oneof(Types).
weighted(Types) -> proper_types:weighted_union(Types).
binary() -> proper_types:binary().
integer() -> proper_types:integer().
float() -> proper_types:float().
range(From, To) -> proper_types:integer(From, To).
apply_to(Fun, Type) -> proper_types:bind(Type, Fun, true).
